package export

import (
	"fmt"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/dockerfile"
)

// BuildDir is the directory with what the steps of a build see, below that of -o.
const BuildDir = dockerfile.Context

// Files that steps see besides AuthoritiesFile and BundleFile.
const (
	aptFile  = "apt.conf"
	wgetFile = "wgetrc"
)

// BuildVariables are the variables of each RUN step. wget and apt have none for authorities, but one for a file of settings; java is nil for none.
func BuildVariables(java *Java) []Variable {
	var out []Variable
	for _, v := range CAVariables() {
		file := AuthoritiesFile
		if v.Replaces {
			file = BundleFile
		}
		out = append(out, Variable{v.Name, path.Join(dockerfile.Dir, file)})
	}
	out = append(out, Variable{"APT_CONFIG", path.Join(dockerfile.Dir, aptFile)}, Variable{"WGETRC", path.Join(dockerfile.Dir, wgetFile)})
	if java != nil {
		out = append(out, java.Variable(dockerfile.Dir))
	}
	return out
}

// BuildFiles are the files a build needs besides its Dockerfile: those that the steps see, and for secrets one for each value, which the steps see as well.
func BuildFiles(list []certs.Authority, roots []byte, java *Java, secrets bool) []File {
	bundle, _ := Bundle(roots, list)
	at := path.Join(dockerfile.Dir, BundleFile)
	var env strings.Builder
	env.WriteString(Marker)
	for _, v := range BuildVariables(java) {
		word, _ := Words([]string{v.Value})
		fmt.Fprintf(&env, "export %s=%s\n", v.Name, word)
	}
	files := []File{
		{Name: AuthoritiesFile, Data: Authorities(list)},
		{Name: BundleFile, Data: bundle},
		{Name: aptFile, Data: []byte(Marker + "Acquire::https::CAInfo \"" + at + "\";\n")},
		{Name: wgetFile, Data: []byte(Marker + "ca_certificate = " + at + "\n")},
		{Name: dockerfile.EnvFile, Data: []byte(env.String())},
		{Name: dockerfile.RunFile, Data: []byte(Marker + ". " + dockerfile.Dir + "/" + dockerfile.EnvFile + "\nexec \"$@\"\n")},
	}
	if java != nil {
		files = append(files, File{Name: JavaFile, Data: java.Data})
	}
	for i := range files {
		files[i].Name = BuildDir + "/" + files[i].Name
	}
	if secrets {
		// BuildKit takes a secret's bytes as they are, so there is no marker in them.
		files = append(files, File{Name: alonePath, Data: []byte(path.Join(dockerfile.Dir, AuthoritiesFile))}, File{Name: bundlePath, Data: []byte(at)},
			File{Name: aptPath, Data: []byte(path.Join(dockerfile.Dir, aptFile))}, File{Name: wgetPath, Data: []byte(path.Join(dockerfile.Dir, wgetFile))})
		if java != nil {
			files = append(files, File{Name: javaPath, Data: []byte(java.Variable(dockerfile.Dir).Value)})
		}
	}
	return files
}

// Files whose bytes are the value of a variable.
const (
	alonePath  = "ca.path"
	bundlePath = "ca-bundle.path"
	aptPath    = "apt.path"
	wgetPath   = "wget.path"
	javaPath   = "java.options"
)

// secretFile is the file with the value of a variable.
func secretFile(v Variable) string {
	if v.Name == javaVariable {
		return javaPath
	}
	switch path.Base(v.Value) {
	case AuthoritiesFile:
		return alonePath
	case aptFile:
		return aptPath
	case wgetFile:
		return wgetPath
	}
	return bundlePath
}

// BuildOptions are the options of docker build that go with a rewritten Dockerfile: its place, the build context with the files, and the secrets.
func BuildOptions(dir, file string, java *Java, secrets bool) []string {
	words := []string{"--build-context", dockerfile.Context + "=" + path.Join(dir, BuildDir), "-f", path.Join(dir, file)}
	if !secrets {
		return words
	}
	for _, v := range BuildVariables(java) {
		words = append(words, "--secret", "id="+dockerfile.SecretID(v.Name)+",src="+path.Join(dir, secretFile(v)))
	}
	return words
}

// MarkDockerfile puts the marker into a Dockerfile, behind the lines that only count at its top: "# syntax=…" and its like (buildkit parser, DirectiveParser).
func MarkDockerfile(data []byte) []byte {
	text := string(data)
	at := 0
	for line := range strings.Lines(text) {
		l := strings.TrimPrefix(line, "\ufeff")
		if !strings.HasPrefix(l, "#") || !strings.Contains(l, "=") {
			break
		}
		at += len(line)
	}
	if at > 0 && text[at-1] != '\n' || at == 0 && strings.HasPrefix(text, "\ufeff") {
		return data
	}
	return []byte(text[:at] + Marker + text[at:])
}
