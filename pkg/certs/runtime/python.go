package runtime

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// pythonPrefixes are the places where a Python installation or a virtual environment is, as patterns of directories with lib/pythonX.Y in them.
func pythonPrefixes() []string {
	return []string{
		"/usr", "/usr/local", "/opt/*", "/opt/*/*", "/venv", "/env", "/.venv", "/virtualenv", "/app/venv", "/app/.venv", "/app/env", "/code/.venv", "/code/venv", "/src/.venv", "/srv/*/venv",
		"/srv/*/.venv", "/srv/venv", "/workspace/.venv", "/workspaces/*/.venv", "/usr/src/app/.venv", "/usr/src/app/venv", "/var/www/venv", "/root/.local", "/home/*/.local", "/root/.venv",
		"/home/*/.venv", "/home/*/venv", "/home/*/*/.venv", "/home/*/*/venv", "/root/.pyenv/versions/*", "/home/*/.pyenv/versions/*", "/usr/local/pyenv/versions/*", "/opt/pyenv/versions/*",
		"/root/.local/share/pipx/venvs/*", "/root/.local/pipx/venvs/*", "/opt/pipx/venvs/*", "/root/.local/share/uv/tools/*", "/root/.local/share/uv/python/*",
		"/home/*/.local/share/uv/python/*", "/root/.cache/pypoetry/virtualenvs/*", "/root/.local/share/virtualenvs/*", "/home/*/.cache/pypoetry/virtualenvs/*",
	}
}

// condaPrefixes are the places where conda, mamba and their environments are.
func condaPrefixes() []string {
	var out []string
	for _, base := range []string{"/", "/opt", "/root", "/home/*", "/usr/local"} {
		for _, name := range []string{"conda", "miniconda", "miniconda3", "anaconda", "anaconda3", "miniforge", "miniforge3", "mambaforge", "micromamba", "mamba"} {
			out = append(out, path.Join(base, name))
		}
	}
	return append(out, "/root/.conda", "/home/*/.conda")
}

// pythonBundles are the bundles that packages bring along, below a directory of packages: certifi and the copies of it, and others that do without certifi.
func pythonBundles() [][2]string {
	return [][2]string{
		{"certifi", "certifi/cacert.pem"}, {"pip", "pip/_vendor/certifi/cacert.pem"}, {"pip", "pip/_vendor/requests/cacert.pem"}, {"certifi", "requests/cacert.pem"},
		{"botocore", "botocore/cacert.pem"}, {"botocore", "awscli/botocore/cacert.pem"}, {"grpc", "grpc/_cython/_credentials/roots.pem"},
		{"certifi", "httplib2/cacerts.txt"}, {"certifi", "stripe/data/ca-certificates.crt"},
	}
}

// otherBundles are those of programs that have a Python of their own: the AWS and Google Cloud command lines.
func otherBundles() [][2]string {
	return [][2]string{
		{"botocore", "/usr/local/aws-cli/v2/*/dist/awscli/botocore/cacert.pem"}, {"botocore", "/aws/dist/awscli/botocore/cacert.pem"},
		{"certifi", "/usr/lib/google-cloud-sdk/lib/third_party/certifi/cacert.pem"}, {"certifi", "/google-cloud-sdk/lib/third_party/certifi/cacert.pem"},
		{"certifi", "/opt/google-cloud-sdk/lib/third_party/certifi/cacert.pem"},
	}
}

// python finds the bundles of Python's packages and of conda.
func (f *finder) python(p Processes) {
	prefixes := f.prefixes(p)
	prefixes = append(prefixes, f.usual(pythonPrefixes())...)
	conda := f.usual(condaPrefixes())
	if f.noListing {
		conda = []string{"/opt/conda", "/conda"}
	}
	for _, dir := range append(slices.Clone(prefixes), conda...) {
		f.conda(dir, slices.Contains(conda, dir))
	}
	for _, dir := range f.packages(p, append(prefixes, conda...)) {
		for _, b := range pythonBundles() {
			f.take(path.Join(dir, b[1]), b[0], "in the Python packages of "+dir, PEM, ownName)
		}
	}
	for _, b := range otherBundles() {
		for _, name := range f.usual([]string{b[1]}) {
			f.take(name, b[0], "a bundle of a program with a Python of its own", PEM, ownName)
		}
	}
	f.wheels()
}

// conda takes the bundle of a conda prefix, and those of the environments and of the package cache below it.
func (f *finder) conda(dir string, usual bool) {
	const bundle = "ssl/cacert.pem"
	why := "the bundle of the conda prefix "
	found := f.take(path.Join(dir, bundle), "conda", why+dir, PEM, ownName)
	if !found && !usual {
		return
	}
	for _, sub := range []string{"envs/*", "pkgs/*"} {
		for _, below := range f.glob(escape(dir) + "/" + sub) {
			f.take(path.Join(below, bundle), "conda", why+below, PEM, ownName)
			for _, b := range pythonBundles() {
				if b[0] != "certifi" && b[0] != "pip" {
					continue
				}
				f.take(path.Join(below, "site-packages", b[1]), b[0], "in conda's cache of packages, from which it makes environments", PEM, ownName)
			}
		}
	}
}

// escape makes a pattern that matches the name only; a name that cannot be written as one is left out of globbing.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// packages are the directories with Python packages below the prefixes.
func (f *finder) packages(p Processes, prefixes []string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(dir string) {
		if !seen[dir] && f.isDir(dir) {
			out = append(out, dir)
		}
		seen[dir] = true
	}
	for _, list := range p.settings("PYTHONPATH") {
		for dir := range strings.SplitSeq(list, ":") {
			if path.IsAbs(dir) {
				add(path.Clean(dir))
			}
		}
	}
	versions := f.versions(p)
	for _, prefix := range append(prefixes, f.environments(prefixes)...) {
		for _, lib := range []string{"lib", "lib64"} {
			base := path.Join(prefix, lib)
			names := versions
			if !f.noListing {
				names = nil
				// A system's directories of libraries are long; there is a Python when there is the program.
				if prefix == "/usr" && !f.isFile("/usr/bin/python3") && !f.isFile("/usr/bin/python2") && !f.isFile("/usr/bin/python") {
					continue
				}
				for _, dir := range f.glob(escape(base) + "/python*") {
					names = append(names, path.Base(dir))
				}
			}
			for _, name := range names {
				add(path.Join(base, name, "site-packages"))
				add(path.Join(base, name, "dist-packages"))
			}
		}
	}
	add("/usr/lib/python3/dist-packages")
	if !f.noListing {
		add("/var/task") // of AWS Lambda images
	}
	return out
}

// environments are those of conda below the prefixes.
func (f *finder) environments(prefixes []string) []string {
	var out []string
	for _, prefix := range prefixes {
		if base := path.Base(prefix); strings.Contains(base, "conda") || strings.Contains(base, "mamba") || strings.Contains(base, "forge") {
			out = append(out, f.glob(escape(prefix)+"/envs/*")...)
		}
	}
	return out
}

// versions are the names of the directories with packages that the environment tells, such as python3.12: PYTHON_VERSION of the official images, and the programs.
func (f *finder) versions(p Processes) []string {
	var out []string
	for _, v := range p.settings("PYTHON_VERSION") {
		if parts := strings.SplitN(v, ".", 3); len(parts) > 1 {
			out = append(out, "python"+parts[0]+"."+parts[1])
		}
	}
	for _, name := range p.executables() {
		if base := path.Base(name); strings.HasPrefix(base, "python") && strings.Contains(base, ".") && !slices.Contains(out, base) {
			out = append(out, base)
		}
	}
	return out
}

// prefixes are the installations that the environment and the processes tell.
func (f *finder) prefixes(p Processes) []string {
	var out []string
	add := func(dirs ...string) {
		for _, dir := range dirs {
			if path.IsAbs(dir) && dir != "/" && !slices.Contains(out, path.Clean(dir)) {
				out = append(out, path.Clean(dir))
			}
		}
	}
	for _, variable := range []string{"VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DIR", "CONDA_ROOT", "MAMBA_ROOT_PREFIX", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT"} {
		add(p.settings(variable)...)
	}
	for _, name := range p.settings("CONDA_EXE") {
		add(path.Dir(path.Dir(name)))
	}
	for _, name := range p.executables() {
		if base := path.Base(name); (strings.HasPrefix(base, "python") || strings.HasPrefix(base, "gunicorn") || strings.HasPrefix(base, "uvicorn")) && path.Base(path.Dir(name)) == "bin" {
			add(path.Dir(path.Dir(name)))
		}
	}
	for _, dir := range p.paths() { // a prefix that is on PATH, as in the images of conda and of many applications
		if path.Base(dir) == "bin" && path.Dir(dir) != "/usr" && path.Dir(dir) != "/usr/local" {
			add(path.Dir(dir))
		}
	}
	if dir := p.WorkingDir; path.IsAbs(dir) && dir != "/" {
		add(path.Join(dir, ".venv"), path.Join(dir, "venv"), path.Join(dir, "env"))
	}
	return out
}

// wheels notes the one kind of bundle that is not a file: Debian's pip before 20.3 has its certifi inside a wheel, a zip archive.
func (f *finder) wheels() {
	if f.noListing || !f.isDir("/usr/share/python-wheels") {
		return
	}
	for _, e := range f.list("/usr/share/python-wheels") {
		if base := path.Base(e.Path); strings.HasPrefix(base, "certifi-") && strings.HasSuffix(base, ".whl") {
			f.note(certs.Remark, e.Path, "an archive, left as it is: Debian's pip and venv read the system's bundle instead")
		}
	}
}
