package runtime

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// JavaCopy is the store that the Java of an image reads, with more in it, for a file of its own that javax.net.ssl.trustStore names. That property takes the place of Java's own
// store (JSSE Reference Guide, "Customizing the Default Keystores and Truststores"), so the copy has all that this one has, in the format that this Java wrote.
type JavaCopy struct {
	From     string // the file of the image, escaped
	Data     []byte
	Count    int    // of trusted certificates, those that were added with them
	Password string // that Java has to be told, "" for a store that it reads without one
	Options  string // the words of JAVA_TOOL_OPTIONS in the image that are to be kept
}

// ErrNoJava says that a tree has no Java, or one that brings no store.
var ErrNoJava = errors.New("there is no Java with a store of its own (JAVA_HOME, and java in PATH, were looked at)")

// CopyJava finds the store that Java reads where nothing else is said, and gives a copy with the authorities in it. now is the date of the new entries. Errors: ErrNoJava, what
// is wrong with the store, or one of reading the tree.
func CopyJava(t tree.Tree, p Processes, list []certs.Authority, now time.Time) (JavaCopy, error) {
	f := &finder{tree: t, system: []string{}, noListing: true, listed: map[string][]tree.Entry{}, there: map[string]bool{}}
	for _, home := range f.defaultHomes(p) {
		if f.home(home); len(f.survey.Stores) > 0 {
			break
		}
	}
	switch {
	case f.err != nil:
		return JavaCopy{}, f.err
	case len(f.survey.Stores) == 0 && len(f.survey.Notes) > 0:
		return JavaCopy{}, errors.New(f.survey.Notes[0].String())
	case len(f.survey.Stores) == 0:
		return JavaCopy{}, ErrNoJava
	}
	f.survey.processes = p
	st := f.survey.Stores[0]
	data, reason, err := read(t, st)
	if err == nil && reason != "" {
		err = fmt.Errorf("%s: %s", redact.Terminal(st.Path), redact.Terminal(reason))
	}
	if err != nil {
		return JavaCopy{}, err
	}
	out := JavaCopy{From: redact.Terminal(st.Path), Options: keptOptions(p)}
	return out, out.fill(st, data, list, f.survey.passwords(t, nil), now)
}

// defaultHomes are the installations that Java is started from: the one of JAVA_HOME, that of the image's own command, then those in the order of PATH.
func (f *finder) defaultHomes(p Processes) []string {
	out := slices.Clone(p.settings("JAVA_HOME"))
	dirs := p.paths()
	if len(dirs) == 0 { // what a container gets without one (moby oci.DefaultPathEnv)
		dirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	}
	programs := slices.DeleteFunc(p.executables(), func(name string) bool { return path.Base(name) != "java" })
	for _, dir := range dirs {
		programs = append(programs, path.Join(dir, "java"))
	}
	for _, name := range programs {
		real, e, err := f.resolve(name)
		if err != nil || !e.Mode.IsRegular() || path.Base(path.Dir(real)) != "bin" {
			continue
		}
		home := path.Dir(path.Dir(real))
		out = append(out, home, strings.TrimSuffix(home, "/jre"))
	}
	return slices.DeleteFunc(out, func(dir string) bool { return !path.IsAbs(dir) || dir == "/" })
}

// fill adds the authorities with the first of the passwords that opens the store.
func (c *JavaCopy) fill(st Store, data []byte, list []certs.Authority, passwords []string, now time.Time) error {
	for _, password := range passwords {
		store, err := keystore.Open(data, password)
		if err != nil {
			return fmt.Errorf("%s: %w", c.From, err)
		}
		if store.Locked() {
			continue
		}
		for _, a := range list {
			if err := store.Add(st.alias(a), a.DER(), now); err != nil {
				return fmt.Errorf("%s: %w", c.From, err)
			}
		}
		// What is encrypted Java reads with the password only; the rest without one.
		if store.Unread() > 0 || slices.ContainsFunc(store.Trusted(), func(e keystore.Entry) bool { return e.Fixed }) {
			c.Password = password
		}
		c.Data, c.Count = store.Bytes(), len(store.Trusted())
		return nil
	}
	return fmt.Errorf("%s: %w", c.From, keystore.ErrLocked)
}

// keptOptions are the words of the image's own JAVA_TOOL_OPTIONS without those about the trust store, which would come first and count for nothing.
func keptOptions(p Processes) string {
	var words []string
	for _, text := range p.settings("JAVA_TOOL_OPTIONS") {
		for _, word := range strings.Fields(text) {
			if !strings.HasPrefix(word, "-Djavax.net.ssl.trustStore") {
				words = append(words, word)
			}
		}
	}
	return strings.Join(words, " ")
}
