package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/strict"
)

// fetchReport is the JSON of `ca fetch`.
type fetchReport struct {
	Schema int                 `json:"schema"`
	Host   string              `json:"host"`
	Proxy  string              `json:"proxy"` // scheme://host:port; "" for a direct connection
	Chain  []probe.Certificate `json:"chain"` // as presented, the host's own first
	Ends   probe.Ending        `json:"ends"`
	Root   *certReport         `json:"root,omitempty"` // of the chain, where it is presented
	// Missing is the issuer that is not presented, "" when the chain is complete.
	Missing string `json:"missing,omitempty"`
	// MissingAt are the places where the last certificate says that its issuer is to be had. They are not asked.
	MissingAt []string `json:"missingAt,omitempty"`
	// Trusted says whether this machine's trust store leads to the chain's root; Held is the file, or the fingerprint, of the root there.
	Trusted bool     `json:"trusted"`
	Held    string   `json:"held,omitempty"`
	Notes   []string `json:"notes"`
}

// judge makes the report of what was presented.
func (f *fetch) judge(target *url.URL, v probe.Visited) {
	last := v.Presented[len(v.Presented)-1]
	f.report = fetchReport{Schema: reportSchema, Host: redact.Terminal(target.Host), Proxy: v.Via, Chain: v.Chain, Ends: v.Ending, Notes: []string{}}
	top := topOf(v.Presented)
	if bytes.Equal(top.RawIssuer, top.RawSubject) {
		list, err := input.Read(top.Raw, "the root that arrives", input.Options{Now: f.now})
		if err != nil {
			f.reject = err
			f.report.Notes = append(f.report.Notes, err.Error())
		} else {
			f.root = &list[0]
			f.report.Root = &certReports(list)[0]
		}
	} else {
		f.report.Missing = nameOr(redact.Terminal(top.Issuer.String()), "(no name)")
		for _, place := range top.IssuingCertificateURL {
			f.report.MissingAt = append(f.report.MissingAt, redact.Terminal(place))
		}
	}
	if top != last {
		f.report.Notes = append(f.report.Notes, "the chain is not in order, or holds certificates that do not belong to it")
	}
	root := f.trusted(v.Presented)
	if text := strict.Sentence(v.Presented, root); text != "" {
		f.report.Notes = append(f.report.Notes, text)
	}
}

// topOf follows the issuers from the host's own certificate as far as the chain goes, whatever its order is.
func topOf(chain []*x509.Certificate) *x509.Certificate {
	at := chain[0]
	for range chain {
		if bytes.Equal(at.RawIssuer, at.RawSubject) {
			return at
		}
		next := at
		for _, c := range chain {
			if c != at && bytes.Equal(c.RawSubject, at.RawIssuer) && at.CheckSignatureFrom(c) == nil {
				next = c
			}
		}
		if next == at {
			return at
		}
		at = next
	}
	return at
}

// trusted finds out whether this machine trusts the chain already, and by which root; nil when it does not.
func (f *fetch) trusted(chain []*x509.Certificate) *x509.Certificate {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{Roots: systemRoots(), Intermediates: between, CurrentTime: f.now})
	if err != nil || len(found) == 0 {
		return nil
	}
	f.report.Trusted = true
	root := found[0][len(found[0])-1]
	list, err := input.Read(root.Raw, "", input.Options{Now: f.now, Force: true})
	if err != nil {
		return root
	}
	f.report.Held = list[0].Fingerprint.String()
	if m, err := machine.Look(f.view.files); err == nil {
		if paths := m.Holds()[list[0].Fingerprint]; len(paths) > 0 {
			f.report.Held = paths[len(paths)-1]
		}
	}
	return root
}

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// fetchText is the report for people.
func fetchText(w io.Writer, r fetchReport) error {
	through := ""
	if r.Proxy != "" {
		through = " through " + r.Proxy
	}
	fmt.Fprintf(w, "%s%s presents:\n", r.Host, through)
	for i, c := range r.Chain {
		fmt.Fprintf(w, "  %d  %s\n     signed by %s\n     expires %s, sha256 %s\n", i+1, nameOr(c.Subject, "(no subject)"), nameOr(c.Issuer, "(no name)"), c.NotAfter.UTC().Format(time.DateOnly), c.Fingerprint)
	}
	switch r.Ends.At {
	case probe.AtEndpoint:
		fmt.Fprintf(w, "TLS ends at the host: %s\n", r.Ends.Why)
	case probe.OnTheWay:
		fmt.Fprintf(w, "TLS is terminated on the way: %s\n", r.Ends.Why)
	default:
		fmt.Fprintf(w, "Where TLS ends is not known: %s\n", r.Ends.Why)
	}
	switch {
	case r.Root != nil:
		fmt.Fprintf(w, "The root is presented: %s\n", r.Root.Subject)
	case r.Missing != "":
		fmt.Fprintf(w, "The issuer %s is not presented, as roots usually are not\n", r.Missing)
	}
	if len(r.MissingAt) > 0 {
		fmt.Fprintf(w, "It is said to be at %s, which was not asked\n", strings.Join(r.MissingAt, ", "))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "Note: %s\n", n)
	}
	next := ""
	switch {
	case r.Trusted:
		fmt.Fprintf(w, "This machine trusts it already (%s)\n", r.Held)
		if r.Ends.At != probe.AtEndpoint {
			next = "docker proxy ca add " + r.Held + " CONTAINER (containers do not trust it by that)"
		}
	case r.Root != nil:
		next = "compare the fingerprint with what the proxy's administrators publish, then docker proxy ca fetch " + r.Host + " --fingerprint " + r.Root.Fingerprint + " -o proxy-ca.pem"
	default:
		next = "ask for the certificate of the authority where the proxy is administered, then docker proxy set --ca FILE"
	}
	if next != "" {
		fmt.Fprintf(w, "Next: %s\n", next)
	}
	return nil
}
