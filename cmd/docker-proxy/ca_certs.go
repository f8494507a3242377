package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
)

const (
	completionTimeout = 2 * time.Second
	// shortestPrefix is how many digits of a fingerprint are asked for at least.
	shortestPrefix = 6
	// caRecords is the directory of the records in the state directory.
	caRecords = "ca"
)

// readAuthorities reads what CERT arguments name: files, - for stdin, or the beginning of the fingerprint of a certificate that this machine holds. Each authority comes
// once.
func (a *app) readAuthorities(names []string, force bool) ([]certs.Authority, error) {
	if dashes := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n != "-" }); len(dashes) > 1 {
		return nil, usageErrorf("- stands for stdin and can be given once")
	}
	var out []certs.Authority
	for _, name := range names {
		list, err := a.readAuthority(name, force)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if !slices.ContainsFunc(out, func(o certs.Authority) bool { return o.Fingerprint == c.Fingerprint }) {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

func (a *app) readAuthority(name string, force bool) ([]certs.Authority, error) {
	if name == "" {
		return nil, usageErrorf("the name of a certificate is empty: give a file, - for stdin, or the beginning of a fingerprint")
	}
	data, label, err := a.readCert(name)
	if errors.Is(err, fs.ErrNotExist) {
		if prefix := fingerprintPrefix(name); prefix != "" {
			return a.heldAuthority(prefix, force)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	list, err := input.Read(data, label, input.Options{Force: force, Now: time.Now()})
	var refusal *input.Refusal
	if errors.As(err, &refusal) && refusal.Forceable {
		return nil, usageErrorf("%w (--force takes it all the same)", err)
	}
	if err != nil {
		return nil, withStatus(exitUsage, err)
	}
	return list, nil
}

// readCert reads one input.
func (a *app) readCert(name string) (data []byte, label string, err error) {
	var in io.Reader = a.cli.In()
	label = "stdin"
	if name != "-" {
		f, err := os.Open(name) //nolint:forbidigo // named by the caller, read with the caller's rights
		if err != nil {
			return nil, "", err
		}
		defer f.Close()
		in, label = f, name
	}
	data, err = io.ReadAll(io.LimitReader(in, input.MaxSize+1))
	return data, label, err
}

// fingerprintPrefix is name as the beginning of a fingerprint, in lower case and without colons; "" when it is none.
func fingerprintPrefix(name string) string {
	p := strings.ToLower(strings.ReplaceAll(name, ":", ""))
	p = strings.TrimPrefix(p, "sha256")
	if len(p) < shortestPrefix || len(p) > 64 || strings.Trim(p, "0123456789abcdef") != "" {
		return ""
	}
	return p
}

// heldAuthority looks for a certificate among those that were added to containers, and in this machine's own store.
func (a *app) heldAuthority(prefix string, force bool) ([]certs.Authority, error) {
	found := map[string][]byte{}
	held, err := a.heldPEM()
	if err != nil {
		return nil, err
	}
	for f, text := range held {
		if strings.HasPrefix(f, prefix) {
			found[f] = text
		}
	}
	switch len(found) {
	case 0:
		if list, err := a.machineAuthority(prefix, force); list != nil || err != nil {
			return list, err
		}
		return nil, usageErrorf("there is no file %s, and no certificate whose fingerprint begins with it is known here (docker proxy ca list shows those that were added)", prefix)
	case 1:
	default:
		return nil, usageErrorf("%d certificates have a fingerprint that begins with %s: give more of it", len(found), prefix)
	}
	for f, text := range found {
		// It was accepted when it came in.
		return input.Read(text, f, input.Options{Force: true, Now: time.Now()})
	}
	return nil, nil
}

// heldPEM are the certificates that are known here by their fingerprint.
func (a *app) heldPEM() (map[string][]byte, error) {
	files, err := host.Open("")
	if err != nil {
		return nil, err
	}
	defer files.Close()
	records, err := txn.ReadRecords(files, stateDir(true), caRecords, txn.Options{})
	if err != nil {
		return nil, err
	}
	defer records.Close()
	return install.HeldPEM(records)
}

// fingerprintsOf reads what CERT|FINGERPRINT arguments name. A whole fingerprint needs no certificate.
func (a *app) fingerprintsOf(names []string) ([]certs.Fingerprint, []certs.Authority, error) {
	var out []certs.Fingerprint
	var known []certs.Authority
	for _, name := range names {
		if f, err := certs.ParseFingerprint(fingerprintPrefix(name)); err == nil {
			if _, err := os.Lstat(name); err != nil {
				out = append(out, f)
				if list, err := a.heldAuthority(f.String(), true); err == nil {
					known = append(known, list...)
				}
				continue
			}
		}
		list, err := a.readAuthority(name, true)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range list {
			out, known = append(out, c.Fingerprint), append(known, c)
		}
	}
	return out, known, nil
}

// completeFingerprints completes certificates that were added.
func (a *app) completeFingerprints() []cobra.Completion {
	held, err := a.heldPEM()
	if err != nil {
		return nil
	}
	var out []cobra.Completion
	for f, text := range held {
		list, err := input.Read(text, f, input.Options{Force: true, Now: time.Now()})
		if err != nil || len(list) != 1 {
			continue
		}
		out = append(out, cobra.CompletionWithDesc(list[0].Fingerprint.Short(), redact.Terminal(list[0].Cert.Subject.String())))
	}
	slices.Sort(out)
	return out
}

// certReport is one authority.
type certReport struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the DER, lower-case hex
	Subject     string    `json:"subject,omitempty"`
	NotAfter    time.Time `json:"notAfter,omitzero"`
	Warnings    []string  `json:"warnings,omitempty"`
}

func certReports(list []certs.Authority) []certReport {
	out := []certReport{}
	for _, c := range list {
		out = append(out, certReport{c.Fingerprint.String(), redact.Terminal(c.Cert.Subject.String()), c.Cert.NotAfter.UTC(), c.Warnings})
	}
	return out
}

// line names an authority for people.
func (c certReport) line() string {
	if c.Subject == "" {
		return c.Fingerprint
	}
	return fmt.Sprintf("%s  %s, expires %s", c.Fingerprint[:12], c.Subject, c.NotAfter.Format(time.DateOnly))
}
