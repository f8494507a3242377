package main

import (
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
)

// machineAuthority looks for a certificate in this machine's own trust store by the beginning of its fingerprint; nil where there is none, or the store cannot be read.
func (a *app) machineAuthority(digits string, force bool) ([]certs.Authority, error) {
	files, err := host.Open(a.root)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	m, err := machine.Look(files)
	if err != nil || len(digits) < input.MinDigits || len(input.Match(m.Holds(), digits)) == 0 {
		return nil, nil //nolint:nilerr // the caller says that nothing is known
	}
	list, err := input.Held(m.Tree(), m.Holds(), digits, input.Options{Force: force, Now: time.Now()})
	if err != nil {
		return nil, usageErrorf("%w", err)
	}
	return list, nil
}

func subjectOf(c certs.Authority) string {
	if s := c.Cert.Subject.String(); s != "" {
		return redact.Terminal(s)
	}
	return "(no subject)"
}

// authorityLine is one CA for people: subject, whole fingerprint, expiry.
func authorityLine(c certs.Authority) string {
	return fmt.Sprintf("%s, sha256 %s, valid until %s", subjectOf(c), c.Fingerprint, c.Cert.NotAfter.UTC().Format(time.DateOnly))
}
