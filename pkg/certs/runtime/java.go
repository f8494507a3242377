package runtime

import (
	"path"
	"slices"
	"strings"
)

// javaHomes are the places where Java installations are, as patterns of directories.
func javaHomes() []string {
	return []string{
		"/usr/lib/jvm/*", "/usr/lib64/jvm/*", "/usr/java/*", "/usr/local/openjdk-*", "/usr/local/java*", "/usr/local/jdk*", "/opt/*", "/opt/java/*", "/opt/jdk*/*",
		"/opt/*/jre", "/opt/*/jdk", "/usr/share/elasticsearch/jdk", "/usr/share/opensearch/jdk", "/usr/share/logstash/jdk", "/opt/bitnami/java", "/jre", "/jdk", "/java", "/javaruntime", "/custom_jre", "/app/jre", "/app/jdk",
		"/layers/*/jre", "/layers/*/jdk", "/root/.sdkman/candidates/java/*", "/home/*/.sdkman/candidates/java/*", "/usr/local/sdkman/candidates/java/*",
	}
}

// javaStores are the trust stores inside an installation, in the order Java looks for them (JSSE Reference Guide, "Creating an X509TrustManager"); with jre in a JDK up to 8.
func javaStores() []string {
	return []string{"lib/security/jssecacerts", "lib/security/cacerts", "jre/lib/security/jssecacerts", "jre/lib/security/cacerts"}
}

// systemJavaStores are the stores that distributions derive from their own: ca-certificates-java of Debian, java-cacerts of Alpine and Arch, p11-kit of Red Hat and SUSE.
func systemJavaStores() []string {
	return []string{
		"/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts", "/etc/pki/java/cacerts", "/var/lib/ca-certificates/java-cacerts",
		"/etc/ca-certificates/extracted/java-cacerts.jks",
	}
}

// javaOptions are the variables whose words a JVM, or a start script in front of it, takes as options.
func javaOptions() []string {
	return []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "JAVA_OPTIONS", "CATALINA_OPTS", "JVM_OPTS", "JAVA_ARGS"}
}

// property gives the values of a system property, from the command lines of Java and from the variables with options, each once.
func (p Processes) property(name string) []string {
	var words []string
	for _, variable := range javaOptions() {
		for _, text := range p.settings(variable) {
			words = append(words, strings.Fields(text)...)
		}
	}
	words = append(words, p.Argv...)
	for _, proc := range p.Running {
		words = append(words, proc.Argv...)
	}
	var out []string
	for _, word := range words {
		if value, ok := strings.CutPrefix(word, "-D"+name+"="); ok {
			if value = strings.Trim(value, `"'`); !slices.Contains(out, value) {
				out = append(out, value)
			}
		}
	}
	return out
}

// java finds the key stores of Java.
func (f *finder) java(p Processes) {
	named := naming(p11Name)
	if f.isFile("/etc/debian_version") || f.isFile("/etc/ca-certificates/update.d/jks-keystore") {
		named = debianName
	}
	stores := systemJavaStores()
	if f.noListing {
		stores = stores[:2]
	}
	for _, name := range stores {
		f.take(name, "java", "the distribution's store for Java", Java, named)
	}
	for _, name := range p.property("javax.net.ssl.trustStore") {
		if name == "NONE" || name == "" {
			continue
		}
		if !path.IsAbs(name) {
			name = path.Join("/", p.WorkingDir, name)
		}
		if !f.take(name, "java", "named by javax.net.ssl.trustStore", Java, ownName) {
			f.note("remark", name, "named by javax.net.ssl.trustStore, and is not there; it is not made")
		}
	}
	for _, home := range f.homes(p) {
		f.home(home)
	}
}

// home takes the stores of one installation.
func (f *finder) home(dir string) {
	found := false
	for _, name := range javaStores() {
		found = f.take(path.Join(dir, name), "java", "in the Java installation "+dir, Java, ownName) || found
	}
	if found && !slices.Contains(f.survey.Homes, dir) {
		f.survey.Homes = append(f.survey.Homes, dir)
	}
}

// homes are the directories that may be Java installations: of the environment, of the programs named java that run or are in PATH, and of the usual places.
func (f *finder) homes(p Processes) []string {
	var out []string
	add := func(dirs ...string) {
		for _, dir := range dirs {
			if path.IsAbs(dir) && dir != "/" && !slices.Contains(out, path.Clean(dir)) {
				out = append(out, path.Clean(dir))
			}
		}
	}
	for _, variable := range []string{"JAVA_HOME", "JRE_HOME", "JDK_HOME"} {
		add(p.settings(variable)...)
	}
	programs := p.executables()
	for _, dir := range p.paths() {
		if f.noListing && (strings.HasPrefix(dir, "/usr") || strings.Count(dir, "/") == 1) { // most containers have no Java, and each question is a request
			continue
		}
		programs = append(programs, path.Join(dir, "java"))
	}
	for _, name := range programs {
		if path.Base(name) != "java" {
			continue
		}
		if real, e, err := f.resolve(name); err == nil && e.Mode.IsRegular() && path.Base(path.Dir(real)) == "bin" {
			home := path.Dir(path.Dir(real))
			add(home, strings.TrimSuffix(home, "/jre"))
		}
	}
	add(f.usual(javaHomes())...)
	return out
}
