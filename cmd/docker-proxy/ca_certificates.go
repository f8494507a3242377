package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
)

// readCertificates reads the authorities that a command's arguments name: files, or - for standard input. Each comes once.
func readCertificates(a *app, _ *view, args []string, force bool) ([]certs.Authority, error) {
	var out []certs.Authority
	seen := map[certs.Fingerprint]bool{}
	stdin := false
	for _, arg := range args {
		var data []byte
		var err error
		name := arg
		switch {
		case arg == "":
			return nil, usageErrorf("the name of a certificate is empty")
		case arg == "-" && stdin:
			return nil, usageErrorf("- can be given once: it is all of standard input")
		case arg == "-":
			stdin, name = true, "standard input"
			data, err = io.ReadAll(io.LimitReader(a.cli.In(), input.MaxSize+1))
		default:
			data, err = readNamed(arg)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		list, err := input.Read(data, name, input.Options{Force: force, Now: time.Now()})
		if err != nil {
			var refusal *input.Refusal
			if errors.As(err, &refusal) && refusal.Forceable && !force {
				return nil, fmt.Errorf("%w (--force takes it all the same)", err)
			}
			return nil, err
		}
		for _, c := range list {
			if !seen[c.Fingerprint] {
				seen[c.Fingerprint] = true
				out = append(out, c)
			}
		}
	}
	return out, nil
}
