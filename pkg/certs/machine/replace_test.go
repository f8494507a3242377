package machine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
)

// The plan of a replacement leaves what adding and then removing leave, in one step for each file, in the store and for single registries.
func TestReplace(t *testing.T) {
	const base = "/etc/docker/certs.d"
	public, old, corp := authority(t, "public"), authority(t, "old"), authority(t, "corp")
	tests := []struct {
		name       string
		start      func(t *testing.T, m *machine.Machine) change.Plan
		inStore    bool
		registries []string
	}{
		{"in the store", func(t *testing.T, m *machine.Machine) change.Plan {
			plan, _, err := m.Add([]certs.Authority{old}, nil)
			assert.NilError(t, err)
			return plan
		}, true, nil},
		{"for a registry", func(t *testing.T, m *machine.Machine) change.Plan {
			plan, err := m.AddForRegistries(base, []string{"a.corp"}, []certs.Authority{old})
			assert.NilError(t, err)
			return plan
		}, false, []string{"a.corp"}},
		{"nowhere", func(*testing.T, *machine.Machine) change.Plan { return nil }, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, dir := debian(t, public)
			apply(t, f, tt.start(t, look(t, f)))
			plan, _, err := look(t, f).Replace([]certs.Fingerprint{old.Fingerprint}, []certs.Authority{corp}, machine.ReplaceOptions{CertsDir: base})
			assert.NilError(t, err)
			var names []string
			for _, c := range plan {
				assert.Assert(t, !slices.Contains(names, c.Path), "%s twice", c.Path)
				assert.Equal(t, c.Layer, machine.Layer)
				names = append(names, c.Path)
			}
			assert.Equal(t, plan.Needs().Restart, tt.inStore)
			apply(t, f, plan)

			m := look(t, f)
			list, err := m.Check([]certs.Fingerprint{corp.Fingerprint, old.Fingerprint}, base)
			assert.NilError(t, err)
			assert.Equal(t, list[0].Trusted(), tt.inStore, "%+v", list[0])
			assert.DeepEqual(t, list[0].Registries, tt.registries)
			assert.Equal(t, len(list[1].Files)+len(list[1].Registries), 0, "%+v", list[1])
			assert.Assert(t, m.Trusts(public.Fingerprint))
			if tt.inStore {
				assert.Assert(t, slices.Contains(list[0].Files, "/etc/ssl/certs/java/cacerts"), "%+v", list[0])
			}

			plan, _, err = m.Remove([]certs.Fingerprint{corp.Fingerprint}, false, base)
			assert.NilError(t, err)
			apply(t, f, plan)
			bundle, err := os.ReadFile(filepath.Join(dir, "etc/ssl/certs/ca-certificates.crt"))
			assert.NilError(t, err)
			assert.Equal(t, string(bundle), string(public.PEM()))
		})
	}
}

// A store that lacks one bundle is told, and the new one is not taken for trusted; a store that cannot be changed is an error before anything is taken out.
func TestReplaceRefuses(t *testing.T) {
	public, old := authority(t, "public"), authority(t, "old")
	f, dir := debian(t, public)
	plan, _, err := look(t, f).Add([]certs.Authority{old}, nil)
	assert.NilError(t, err)
	apply(t, f, plan)
	bundle := filepath.Join(dir, "etc/ssl/certs/ca-certificates.crt")
	assert.NilError(t, os.WriteFile(bundle, public.PEM(), 0o644))
	list, err := look(t, f).Check([]certs.Fingerprint{old.Fingerprint}, "/etc/docker/certs.d")
	assert.NilError(t, err)
	assert.Assert(t, !list[0].Trusted())
	assert.DeepEqual(t, list[0].Missing, []string{"/etc/ssl/certs/ca-certificates.crt"})

	assert.NilError(t, os.Remove(bundle))
	assert.NilError(t, os.Mkdir(bundle, 0o755))
	_, _, err = look(t, f).Replace([]certs.Fingerprint{old.Fingerprint}, []certs.Authority{authority(t, "corp")}, machine.ReplaceOptions{})
	assert.Assert(t, err != nil && strings.Contains(err.Error(), "cannot take the certificate"), err)
}

// An authority that somebody else put there is replaced when that is said, and stays otherwise, with a note.
func TestReplaceForeign(t *testing.T) {
	public, corp := authority(t, "public"), authority(t, "corp")
	for _, foreign := range []bool{true, false} {
		f, _ := debian(t, public)
		plan, notes, err := look(t, f).Replace([]certs.Fingerprint{public.Fingerprint}, []certs.Authority{corp}, machine.ReplaceOptions{Foreign: foreign})
		assert.NilError(t, err)
		kept := slices.ContainsFunc(notes, func(n certs.Note) bool { return strings.Contains(n.Text, "--foreign removes it") })
		assert.Equal(t, kept, !foreign, "%v", notes)
		apply(t, f, plan)
		m := look(t, f)
		assert.Assert(t, m.Trusts(corp.Fingerprint))
		assert.Equal(t, m.Trusts(public.Fingerprint), !foreign)
	}
}
