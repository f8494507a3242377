package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
)

// inputCA reads the certificates that a CERT argument stands for: a file, - for stdin, or the beginning of the fingerprint of one that this machine holds. What is
// refused is wrong usage; a file that cannot be read is a failure.
func (a *app) inputCA(arg string, force bool) ([]certs.Authority, error) {
	o := input.Options{Force: force, Now: time.Now()}
	if arg == "" {
		return nil, usageErrorf("the name of a certificate's file is empty")
	}
	if arg == "-" {
		data, err := io.ReadAll(io.LimitReader(a.cli.In(), input.MaxSize+1))
		if err != nil {
			return nil, fmt.Errorf("reading the certificate from stdin: %w", err)
		}
		return refusedIsUsage(input.Read(data, "stdin", o))
	}
	data, err := readLimited(arg)
	if err == nil {
		return refusedIsUsage(input.Read(data, arg, o))
	}
	digits, ok := input.Prefix(arg)
	if !ok || !errors.Is(err, fs.ErrNotExist) {
		return nil, withStatus(exitFailed, fmt.Errorf("reading the certificate: %w", err))
	}
	files, err := host.Open(a.root)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	m, err := machine.Look(files)
	if err != nil {
		return nil, err
	}
	return refusedIsUsage(input.Held(m.Tree(), m.Holds(), digits, o))
}

// readLimited reads a file that the caller has named, with the caller's rights. A FIFO, as of a shell's <(…), is read as well.
func readLimited(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:forbidigo // named by the caller, read with the caller's rights
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, input.MaxSize+1))
}

// refusedIsUsage gives a refusal the status of wrong usage.
func refusedIsUsage(list []certs.Authority, err error) ([]certs.Authority, error) {
	var r *input.Refusal
	if !errors.As(err, &r) {
		return list, err
	}
	if r.Forceable {
		return nil, usageErrorf("%w\nnothing was changed (docker proxy ca add --force takes it all the same)", err)
	}
	return nil, usageErrorf("%w", err)
}

// authorityReport is one CA in the JSON of a command.
type authorityReport struct {
	Subject     string   `json:"subject"`
	Issuer      string   `json:"issuer"`
	Fingerprint string   `json:"fingerprint"` // SHA-256, lower-case hexadecimal
	NotAfter    string   `json:"notAfter"`    // RFC 3339
	Warnings    []string `json:"warnings"`
}

func reportAuthority(c certs.Authority) authorityReport {
	return authorityReport{
		Subject: subjectOf(c), Issuer: redact.Terminal(c.Cert.Issuer.String()), Fingerprint: c.Fingerprint.String(), NotAfter: c.Cert.NotAfter.UTC().Format(time.RFC3339),
		Warnings: append([]string{}, c.Warnings...),
	}
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
