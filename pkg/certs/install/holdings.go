package install

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/strict"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// Held says where a container holds a certificate.
type Held struct {
	Fingerprint string   `json:"fingerprint"`
	Files       []string `json:"files"`   // that hold it, escaped
	Missing     []string `json:"missing"` // bundles and other stores that do not
	// Recorded says that the record of this container has it: this program added it.
	Recorded bool `json:"recorded"`
}

// Trusted reports whether every store holds it.
func (h Held) Trusted() bool { return len(h.Files) > 0 && len(h.Missing) == 0 }

// Look says where the container holds the certificates asked for, those that its record has, and those whose anchors this program made. Nothing is changed.
func (in *Installer) Look(t target.Target, c engine.Inspected, asked []certs.Fingerprint) (Result, error) {
	trust, res, err := in.look(t, c)
	if err != nil {
		return res, err
	}
	holds, err := trust.Holds(t)
	if err != nil {
		return res, fmt.Errorf("reading its stores: %w", err)
	}
	rec, err := in.load(c)
	if err != nil {
		return res, err
	}
	if rec.interrupted() {
		res.Notes = append(res.Notes, interruptedNote())
	}
	lacking := rec.recordedDatabases(t, holds)
	asked = slices.Clone(asked)
	for f, names := range holds {
		own := slices.ContainsFunc(names, func(n string) bool { return path.Base(n) == f.AnchorName() })
		if (own || slices.Contains(rec.Added, f.String())) && !slices.Contains(asked, f) {
			asked = append(asked, f)
		}
	}
	for _, a := range rec.Added { // recorded, and gone from every file
		if f, err := certs.ParseFingerprint(a); err == nil && !slices.Contains(asked, f) {
			asked = append(asked, f)
		}
	}
	for _, f := range asked {
		h := Held{Fingerprint: f.String(), Files: escaped(holds[f]), Missing: []string{}, Recorded: slices.Contains(rec.Added, f.String())}
		for _, b := range slices.Concat(trust.Bundles(), trust.Others()) {
			if !slices.Contains(holds[f], b) {
				h.Missing = append(h.Missing, redact.Terminal(b))
			}
		}
		for _, name := range lacking(f) {
			h.Missing = append(h.Missing, redact.Terminal(name))
		}
		res.Authorities = append(res.Authorities, h)
	}
	slices.SortFunc(res.Authorities, func(a, b Held) int { return strings.Compare(a.Fingerprint, b.Fingerprint) })
	return res, nil
}

func escaped(names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, redact.Terminal(n))
	}
	slices.Sort(out)
	return out
}

// Chain is what a server presented, to be judged with the authorities of a container.
type Chain struct {
	Host         string // whose name it has to have
	Certificates []*x509.Certificate
}

// Verify reads the container's stores and says what is not as it should be: an error names the first bundle that lacks one of the certificates (those of the record where none
// are given), or why the chain is not trusted by the certificates of the container's own bundle. Nothing runs in the container.
func (in *Installer) Verify(_ context.Context, t target.Target, c engine.Inspected, want []certs.Fingerprint, chain *Chain) (Result, error) {
	res, err := in.Look(t, c, want)
	if err != nil {
		return res, err
	}
	for _, h := range res.Authorities {
		given := slices.ContainsFunc(want, func(f certs.Fingerprint) bool { return f.String() == h.Fingerprint })
		switch {
		case !given && (len(want) > 0 || !h.Recorded):
		case len(h.Missing) > 0:
			return res, &UntrustedError{Path: h.Missing[0], Fingerprint: h.Fingerprint[:12]}
		case len(h.Files) == 0:
			return res, fmt.Errorf("nothing there holds %s", h.Fingerprint[:12])
		default:
			res.Trusts = append(res.Trusts, h.Fingerprint)
		}
	}
	if chain == nil {
		return res, nil
	}
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return res, fmt.Errorf("looking at its stores: %w", err)
	}
	data, err := trust.Combined(t)
	if err != nil {
		return res, fmt.Errorf("reading its bundle: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	root, err := chain.TrustedBy(roots)
	if text := strict.Sentence(chain.Certificates, root); text != "" {
		res.Notes = append(res.Notes, certs.Note{Kind: certs.Limit, Text: text})
	}
	return res, err
}

// TrustedBy checks as crypto/tls would with these roots, and gives the one of them that the chain leads to.
func (c *Chain) TrustedBy(roots *x509.CertPool) (*x509.Certificate, error) {
	if len(c.Certificates) == 0 {
		return nil, errors.New("no certificate was presented")
	}
	between := x509.NewCertPool()
	for _, cert := range c.Certificates[1:] {
		between.AddCert(cert)
	}
	found, err := c.Certificates[0].Verify(x509.VerifyOptions{DNSName: c.Host, Roots: roots, Intermediates: between})
	if err == nil {
		return found[0][len(found[0])-1], nil
	}
	last := c.Certificates[len(c.Certificates)-1]
	return nil, fmt.Errorf("its bundle does not trust the certificate that %s presents, issued by %s: %s", redact.Terminal(c.Host), redact.Terminal(last.Issuer.String()), redact.Terminal(err.Error()))
}
