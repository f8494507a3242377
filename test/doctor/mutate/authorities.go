package mutate

import (
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// The places of authorities on the machines of the states about them.
const (
	anchors = "/usr/local/share/ca-certificates/"
	bundle  = "/etc/ssl/certs/ca-certificates.crt"
	hubs    = "/etc/docker/certs.d/"
)

const beginCertificate = "-----BEGIN CERTIFICATE-----"

// certificates edits every file that holds certificates and was put there by somebody: anchors, bundles and authorities of registries.
func certificates(s *state.State, edit func(f *state.File)) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		if !strings.Contains(f.Data, beginCertificate) || strings.HasPrefix(f.Path, "/usr/share/") {
			continue
		}
		before := *f
		edit(f)
		done = done || before.Data != f.Data || before.Path != f.Path
	}
	return done
}

// authorityKeepers change files with certificates without changing what they say.
func authorityKeepers() []keeper {
	return []keeper{
		{"text-before-certificates", func(s *state.State) bool {
			return certificates(s, func(f *state.File) {
				f.Data = strings.ReplaceAll(f.Data, beginCertificate, "subject=CN = somebody\n"+beginCertificate)
			})
		}},
		{"certificates-of-windows", func(s *state.State) bool {
			return certificates(s, func(f *state.File) { f.Data = strings.ReplaceAll(f.Data, "\n", "\r\n") })
		}},
		{"other-certificate-file", func(s *state.State) bool {
			return certificates(s, func(f *state.File) {
				if dir, base := path.Split(f.Path); dir == anchors || strings.HasPrefix(dir, hubs) {
					to := dir + "branch-" + base
					if dir == anchors {
						to = dir + "branch/" + base
					}
					rename(s, f, to)
				}
			})
		}},
		{"other-hub", func(s *state.State) bool {
			return certificates(s, func(f *state.File) {
				if dir, base := path.Split(f.Path); dir == hubs+"docker.io/" {
					rename(s, f, hubs+"index.docker.io/"+base)
				}
			})
		}},
		{"other-certificate", func(s *state.State) bool {
			return certificates(s, func(f *state.File) {
				f.Data = strings.ReplaceAll(strings.ReplaceAll(f.Data, corpRoot, branchRoot), corpEnded, branchEnded)
			})
		}},
	}
}

// removeAuthority takes the cause of a finding about an authority away in one more way: nobody looks at the file any more.
func removeAuthority(s *state.State, f state.Finding) bool {
	if !strings.HasPrefix(f.ID, "ca-") {
		return false
	}
	if f.Path != bundle {
		file := s.File(f.Path)
		if file == nil {
			return false
		}
		file.Path += ".off"
		return true
	}
	*s.File(bundle) = state.File{Path: bundle, Data: allOf(*s), Mode: 0o644}
	return true
}

// allOf is the bundle that update-ca-certificates makes of everything in the state: packaged roots, then anchors.
func allOf(s state.State) string {
	packaged, local := "", ""
	for _, f := range s.Files {
		switch {
		case strings.HasPrefix(f.Path, "/usr/share/ca-certificates/"):
			packaged += f.Data
		case strings.HasPrefix(f.Path, anchors) && path.Ext(f.Path) == ".crt":
			local += f.Data
		}
	}
	return packaged + local
}

// mendAuthority does what an administrator does who knows: has the bundle made anew, gives the authority to the machine, gets the new one.
func mendAuthority(s *state.State, f state.Finding) bool {
	switch f.ID {
	case "ca-bundle-shrank":
	case "ca-certs-d-not-used-for-hub":
		put(s, state.File{Path: anchors + "proxy.crt", Data: s.File(f.Path).Data, Mode: 0o644})
	case "ca-expired":
		put(s, state.File{Path: anchors + "new.crt", Data: corpRoot + branchRoot, Mode: 0o644})
	default:
		return false
	}
	put(s, state.File{Path: bundle, Data: allOf(*s), Mode: 0o644})
	return true
}

// The authorities of the states, and others that are as good or as old. Nobody has their keys.
const (
	corpRoot = `-----BEGIN CERTIFICATE-----
MIIBWjCCAQGgAwIBAgIUd6fV7T9UtWtgm8fHoVEjm0qg1f4wCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPQ29ycCBQcm94eSBSb290MCAXDTI1MDEwMTAwMDAwMFoYDzIx
MjUwMTAxMDAwMDAwWjAaMRgwFgYDVQQDDA9Db3JwIFByb3h5IFJvb3QwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQL11Dl4NfxDgsspdpTsisSVVDqma7jRSqp3R8M
CPNQaZ8EVBKkRcFYUmd8g2OHmScvNg8uG6LyzzJ69HaFaEXDoyMwITAPBgNVHRMB
Af8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNHADBEAiB2VSY/
dROhoS7Z9y63TyAiKA7ormpeo1s1vrl823EPgAIgZkCYLTlHCaHGiHGnj+TUpJPG
FZ2gf3mlcANspbnugiQ=
-----END CERTIFICATE-----
`
	branchRoot = `-----BEGIN CERTIFICATE-----
MIIBXjCCAQWgAwIBAgIUEHnfM5DpkBgrmtfTJcEgbQ4v2oAwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQnJhbmNoIFByb3h5IFJvb3QwIBcNMjUwMTAxMDAwMDAwWhgP
MjEyNTAxMDEwMDAwMDBaMBwxGjAYBgNVBAMMEUJyYW5jaCBQcm94eSBSb290MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVYXxTEM9Np9b+4ECikrfzLqs1YkOExPX
iNglkOxLS2M0CKIQMNzK80KADeFW5g/6OUZlJhwaQpOmaTygc9RnaKMjMCEwDwYD
VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDRwAwRAIg
RpcLD4rS4HtFeGfbzoHDhmbvTg/PR4M0dkwca+q2bCECIFhjFrQJDBUNgJ9pPMzW
vzlr/5F+jChIj91SIYfUi7T4
-----END CERTIFICATE-----
`
	corpEnded = `-----BEGIN CERTIFICATE-----
MIIBWDCB/6ADAgECAhQSzjUCNHyMndlTeVX7iQi8L+NcMDAKBggqhkjOPQQDAjAa
MRgwFgYDVQQDDA9Db3JwIFByb3h5IFJvb3QwHhcNMTkwMTAxMDAwMDAwWhcNMjAw
MTAxMDAwMDAwWjAaMRgwFgYDVQQDDA9Db3JwIFByb3h5IFJvb3QwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAASL3f0fJjYc/4t3+PePtwDUEmL6AoPadloNLRAabe18
4HD8Y4Jyq3TeJmfIfhCX1DYma2eAArmCTAoV3kHOOkxMoyMwITAPBgNVHRMBAf8E
BTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNIADBFAiEA3m/QDDYc
6CpqKM8eZgW76gwCwv682g+mLNHp7ksHARkCIGec0OcgbqwOvtSKaKupChfaaYOv
F6Fgzo0uHYquPRLh
-----END CERTIFICATE-----
`
	branchEnded = `-----BEGIN CERTIFICATE-----
MIIBXjCCAQOgAwIBAgIUTYqMO/Q94mz2zTIevXcWSHL2QEkwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQnJhbmNoIFByb3h5IFJvb3QwHhcNMTgwMTAxMDAwMDAwWhcN
MjEwMTAxMDAwMDAwWjAcMRowGAYDVQQDDBFCcmFuY2ggUHJveHkgUm9vdDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABLXR8Np6uxmabgy4oLNwq+h2CE4sOyl8/YZg
A9MKYp85nDti0lkAnp/ACf5qNf44Kga8wG+nLUnt5IXrv93B8WKjIzAhMA8GA1Ud
EwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMCA0kAMEYCIQDR
ODZRLrz5xTnuLppa7IzpABHi9GWyITKmU6rel3VYNAIhAPqHAa4FXqDZItawRwrn
Mo7cyB1i7HJkt9sHBoF8bP/l
-----END CERTIFICATE-----
`
)
