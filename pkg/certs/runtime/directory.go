package runtime

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/hash"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// directory is one with certificates by hash (openssl-rehash(1)) that a variable names.
type directory struct {
	path, real string
	entry      tree.Entry
	why        string
	runtime    string
}

// maxSameHash bounds the search for a free number behind a hash.
const maxSameHash = 64

// add plans a file and a link to it named by the hash of its subject: OpenSSL finds it by the link, Go reads every file.
func (d directory) add(t tree.Tree, a certs.Authority) (change.Plan, error) {
	name := strings.TrimSuffix(a.Fingerprint.AnchorName(), ".crt") + ".pem"
	at := path.Join(d.real, name)
	if _, err := t.Lstat(at); err == nil || !isMissing(err) {
		return nil, err
	}
	h, err := hash.OfCertificate(a.DER())
	if err != nil {
		return nil, err
	}
	for n := range maxSameHash {
		link := path.Join(d.real, fmt.Sprintf("%08x.%d", h, n))
		data, err := t.ReadFile(link)
		if err == nil && holds(data, a.Fingerprint) {
			return nil, nil
		}
		if _, err := t.Lstat(link); err == nil {
			continue
		} else if !isMissing(err) {
			return nil, err
		}
		cause := fmt.Sprintf("%s (%s): trusts %s", redact.Terminal(d.runtime), redact.Terminal(d.why), names([]certs.Authority{a}))
		return change.Plan{
			{Path: at, To: change.NewFile(a.PEM(), 0o644), Cause: cause, Layer: "ca"},
			{Path: link, To: change.NewLink(name), Cause: cause, Layer: "ca"},
		}, nil
	}
	return nil, errors.New("too many certificates with one hash")
}

// remove plans to take our file and its link out.
func (d directory) remove(t tree.Tree, f certs.Fingerprint) (change.Plan, error) {
	name := strings.TrimSuffix(f.AnchorName(), ".crt") + ".pem"
	at := path.Join(d.real, name)
	e, err := t.Lstat(at)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := t.ReadFile(at)
	if err != nil || !e.Mode.IsRegular() {
		return nil, err
	}
	var plan change.Plan
	cause := fmt.Sprintf("%s (%s): no longer trusts %s", redact.Terminal(d.runtime), redact.Terminal(d.why), f.Short())
	entries, err := t.ReadDir(d.real)
	if err != nil {
		return nil, err
	}
	for _, l := range entries {
		if l.IsLink() && (l.Target == name || l.Target == at) {
			plan = append(plan, change.Change{Path: path.Join(d.real, path.Base(l.Path)), From: l.State(), Cause: cause, Layer: "ca"})
		}
	}
	return append(plan, change.Change{Path: at, From: e.State().WithData(data), Cause: cause, Layer: "ca"}), nil
}

// directories plans the changes of all such directories.
func (s Survey) inDirectories(o Common, one func(directory) (change.Plan, error)) (change.Plan, []certs.Note) {
	var plan change.Plan
	var notes []certs.Note
	for _, d := range s.directories {
		changes, err := one(d)
		if reason := (Store{Real: d.real, Entry: d.entry}).closed(o); reason != "" && len(changes) > 0 {
			changes, err = nil, errors.New(reason)
		}
		if err != nil {
			notes = append(notes, noteOf(certs.Skipped, d.path, "left alone: %v", err))
		}
		plan = append(plan, changes...)
	}
	return plan, notes
}
