package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/strict"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// machineVerifyReport is the JSON of `ca verify --machine`.
type machineVerifyReport struct {
	Schema       int                  `json:"schema"`
	Family       string               `json:"family"`
	Failed       bool                 `json:"failed"`
	Certificates []certReport         `json:"certificates"`
	Authorities  []machineStanding    `json:"authorities"`
	Chain        *chainReport         `json:"chain,omitempty"` // with --url
	Restart      bool                 `json:"restart"`         // dockerd has not read what is there
	Notes        []string             `json:"notes"`
	Findings     []precedence.Finding `json:"findings"`
}

// machineStanding is one authority.
type machineStanding struct {
	Fingerprint string   `json:"fingerprint"`
	Trusted     bool     `json:"trusted"`    // by every bundle and Java store, or by dockerd for some registries
	Files       []string `json:"files"`      // that hold it
	Missing     []string `json:"missing"`    // bundles and Java stores that do not
	Registries  []string `json:"registries"` // for which dockerd alone trusts it
}

// chainReport is what a URL presents.
type chainReport struct {
	Host    string `json:"host"`
	Issuer  string `json:"issuer"`
	Trusted bool   `json:"trusted"`
	Reason  string `json:"reason,omitempty"` // why not
}

// verifyMachine is `ca verify --machine`: it reads this machine's stores back, those of want, or all that were added, and judges the chain of --url by them.
func (a *app) verifyMachine(ctx context.Context, o *caOptions, want []certs.Fingerprint, known []certs.Authority) error {
	switch {
	case a.root != "" && o.checkURL:
		return usageErrorf("--root has no network: it is about files alone")
	case o.quiet && o.machineOnly():
		return usageErrorf("--quiet prints the names of containers, and only --machine is given")
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	m, err := machine.Look(v.files)
	if err != nil {
		return err
	}
	if len(want) == 0 {
		for _, h := range m.List(certsDir(v.site)) {
			want, known = append(want, h.Authority.Fingerprint), append(known, h.Authority)
		}
	}
	list, err := m.Check(want, certsDir(v.site))
	if err != nil {
		return err
	}
	rep := machineVerifyReport{Schema: reportSchema, Family: m.Family(), Certificates: namedReports(want, known), Authorities: []machineStanding{}, Notes: []string{}}
	rep.Findings = expiring(rep.Certificates, time.Now())
	for _, s := range list {
		rep.add(s)
	}
	rep.daemon(&job{app: a, view: v}, m)
	if o.checkURL {
		if err := rep.chain(ctx, a, v, m, o.url); err != nil {
			return err
		}
	}
	if err := printAs(a.cli.Out(), o.format, rep, rep.text); err != nil {
		return err
	}
	if rep.Failed {
		return silently(exitFailed)
	}
	return nil
}

func (r *machineVerifyReport) add(s machine.Standing) {
	one := machineStanding{Fingerprint: s.Fingerprint.String(), Files: escapedAll(s.Files), Missing: escapedAll(s.Missing), Registries: escapedAll(s.Registries)}
	// For single registries a certificate is in no bundle, and does not have to be.
	one.Trusted = s.Trusted() || len(s.Files) == 0 && len(s.Registries) > 0
	r.Failed = r.Failed || !one.Trusted
	r.Authorities = append(r.Authorities, one)
}

func escapedAll(names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, redact.Terminal(n))
	}
	return out
}

// daemon says whether the running dockerd has read what is there.
func (r *machineVerifyReport) daemon(j *job, m *machine.Machine) {
	if j.ca.stale = j.staleCA(m); j.ca.stale != "" && j.caRestarts(nil) {
		r.Restart = true
		r.Notes = append(r.Notes, fmt.Sprintf("dockerd runs since before %s was written, and reads its authorities once: docker proxy restart", redact.Terminal(j.ca.stale)))
	}
	j.otherRoots(m)
	for _, n := range j.notes {
		r.Notes = append(r.Notes, j.app.redactor.Text(n))
	}
}

// chain judges what the URL presents with the authorities of the machine's own bundle.
func (r *machineVerifyReport) chain(ctx context.Context, a *app, v *view, m *machine.Machine, address string) error {
	chain, err := a.presented(ctx, v, address)
	if err != nil {
		return err
	}
	data, err := m.Combined()
	if err != nil {
		return fmt.Errorf("reading this machine's bundle: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	root, err := chain.TrustedBy(roots)
	last := chain.Certificates[len(chain.Certificates)-1]
	r.Chain = &chainReport{Host: redact.Terminal(chain.Host), Issuer: redact.Terminal(last.Issuer.String()), Trusted: err == nil}
	if err != nil {
		r.Failed, r.Chain.Reason = true, err.Error()
	}
	if text := strict.Sentence(chain.Certificates, root); text != "" {
		r.Notes = append(r.Notes, text)
	}
	return nil
}

func (r machineVerifyReport) text(w io.Writer) error {
	for _, c := range r.Certificates {
		fmt.Fprintln(w, c.line())
	}
	if r.Chain != nil {
		fmt.Fprintf(w, "%s presents a certificate issued by %s\n", r.Chain.Host, r.Chain.Issuer)
	}
	if len(r.Authorities) == 0 && r.Chain == nil {
		fmt.Fprintln(w, "nothing   this machine: no authority was added to it")
	}
	for _, s := range r.Authorities {
		switch {
		case !s.Trusted && len(s.Files) == 0:
			fmt.Fprintf(w, "FAIL      this machine: nothing holds %s\n", s.Fingerprint[:12])
		case !s.Trusted:
			fmt.Fprintf(w, "FAIL      this machine: %s is not in %s\n", s.Fingerprint[:12], strings.Join(s.Missing, ", "))
		case len(s.Files) == 0:
			fmt.Fprintf(w, "ok        dockerd alone: %s for %s\n", s.Fingerprint[:12], strings.Join(s.Registries, ", "))
		default:
			fmt.Fprintf(w, "ok        this machine: %s in %d files\n", s.Fingerprint[:12], len(s.Files))
		}
	}
	if r.Chain != nil {
		if r.Chain.Trusted {
			fmt.Fprintln(w, "ok        this machine: its bundle trusts the chain")
		} else {
			fmt.Fprintf(w, "FAIL      this machine: %s\n", r.Chain.Reason)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "Note: %s\n", n)
	}
	findingsText(w, r.Findings)
	return nil
}
