package runtime

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// environment takes the files that variables name: where one is set, that file is what the program reads.
func (f *finder) environment(p Processes) {
	for _, v := range Variables() {
		for _, value := range p.settings(v.Name) {
			switch {
			case v.Effect == Directory:
				f.directories(value, v)
			case strings.HasPrefix(value, "/"):
				f.named(value, v.Runtime, "named by "+v.Name)
			case !slices.Contains([]string{"true", "false", "truststore", "1", "0"}, strings.ToLower(value)):
				f.note(certs.Remark, "", "%s names %s, which is no absolute path, and is not looked for", v.Name, value)
			}
		}
	}
}

// directories looks at a list of directories with certificates by hash. The distribution's are package store's; another one takes the certificate and a link.
func (f *finder) directories(list string, v Variable) {
	for dir := range strings.SplitSeq(list, ":") {
		if !strings.HasPrefix(dir, "/") || virtual(path.Clean(dir)) {
			continue
		}
		real, e, err := f.resolve(path.Clean(dir))
		switch {
		case isMissing(err):
			f.note(certs.Remark, dir, "named by %s, and is not there; it is not made", v.Name)
		case err != nil:
			f.note(certs.Skipped, dir, "named by %s, and left alone: %v", v.Name, err)
		case slices.Contains(systemDirectories(), real):
		case !e.Mode.IsDir():
			f.note(certs.Skipped, dir, "named by %s, and left alone: it is no directory", v.Name)
		case !slices.ContainsFunc(f.survey.directories, func(d directory) bool { return d.real == real }):
			f.survey.directories = append(f.survey.directories, directory{path: dir, real: real, entry: e, why: "named by " + v.Name, runtime: v.Runtime})
		}
	}
}

// systemDirectories are those of the distributions' stores, after links.
func systemDirectories() []string {
	return []string{
		"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash", "/var/lib/ca-certificates/pem", "/var/lib/ca-certificates/openssl",
		"/etc/ca-certificates/extracted/cadir",
	}
}

// maxConfiguration is the largest configuration file that is looked through, in bytes.
const maxConfiguration = 256 << 10

// configurations takes the files that settings of configuration files name.
func (f *finder) configurations() {
	if f.noListing { // each would be a request
		return
	}
	for _, c := range configurationFiles() {
		for _, pattern := range c.files {
			for _, name := range f.glob(pattern) {
				if _, e, err := f.resolve(name); err != nil || !e.Mode.IsRegular() || e.Size > maxConfiguration {
					continue
				}
				data, err := f.tree.ReadFile(name)
				if err != nil {
					continue
				}
				for _, value := range settingOf(string(data), c.key) {
					if strings.HasPrefix(value, "/") {
						f.named(value, c.runtime, "named by "+c.key+" in "+name)
					}
				}
			}
		}
	}
}

// settingOf gives the values of a setting in a file with one a line: name, then "=", ":" or a space, then the value, in quotes or not. Comments begin a line.
func settingOf(text, key string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimLeft(strings.TrimSpace(line), "-")
		n := strings.IndexAny(line, "=: \t")
		if n < 0 || line[0] == '#' || line[0] == ';' || !strings.EqualFold(line[:n], key) {
			continue
		}
		if value := strings.Trim(strings.TrimSpace(strings.TrimLeft(line[n:], "=: \t")), `"'`); value != "" {
			out = append(out, value)
		}
	}
	return out
}
