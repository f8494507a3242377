package install

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Recorded is what is known of one container without looking into it.
type Recorded struct {
	ID, Name string
	Daemon   string
	Time     time.Time
	Added    []string // fingerprints, sorted
	// Interrupted says that a run was killed in the middle of this container: the next one that changes it takes back first what that one had begun.
	Interrupted bool
}

// List gives the recorded containers, by name. A record that cannot be read is left out and named in the error, which does not end the list.
func List(records Records) ([]Recorded, error) {
	names, err := records.Names(containerPrefix)
	if err != nil {
		return nil, err
	}
	var out []Recorded
	var bad []string
	for _, n := range names {
		r, err := readRecord(records, n)
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		out = append(out, Recorded{ID: r.ID, Name: r.Name, Daemon: r.Daemon, Time: r.Time, Added: r.Added, Interrupted: r.interrupted()})
	}
	slices.SortFunc(out, func(a, b Recorded) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	if len(bad) > 0 {
		return out, fmt.Errorf("unreadable records: %s", strings.Join(bad, "; "))
	}
	return out, nil
}

// HeldPEM gives the certificates that records keep, as PEM text by fingerprint.
func HeldPEM(records Records) (map[string][]byte, error) {
	names, err := records.Names(certPrefix)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, n := range names {
		data, err := records.Read(n)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate: %w", err)
		}
		out[strings.TrimPrefix(n, certPrefix)] = data
	}
	return out, nil
}

// Prune removes the records of this daemon's containers that are gone, and bytes that no record needs any more. exists tells whether a container is there. forget are
// certificates that were removed on purpose: they are forgotten when no container has them any more.
func Prune(records Records, daemon string, exists func(id string) bool, forget []certs.Fingerprint) error {
	names, err := records.Names(containerPrefix)
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, n := range names {
		r, err := readRecord(records, n)
		if err != nil {
			return err
		}
		if r.Daemon == daemon && !exists(r.ID) {
			if err := records.Remove(n); err != nil {
				return err
			}
			continue
		}
		for _, name := range r.sums() {
			needed[bytesPrefix+name] = true
		}
		for _, s := range r.steps {
			for _, f := range s.Want {
				needed[certPrefix+f] = true
			}
		}
		for _, f := range r.Added {
			needed[certPrefix+f] = true
		}
	}
	gone, err := records.Names(bytesPrefix)
	if err != nil {
		return err
	}
	for _, f := range forget {
		gone = append(gone, certPrefix+f.String())
	}
	for _, n := range gone {
		if needed[n] {
			continue
		}
		if err := records.Remove(n); err != nil {
			return err
		}
	}
	return nil
}

func readRecord(records Records, name string) (*record, error) {
	data, err := records.Read(name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	r, err := decode(data, strings.TrimPrefix(name, containerPrefix))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}
