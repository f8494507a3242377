package daemon

import (
	"bytes"
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// unit shows the service's unit files, as they would be, to systemd-analyze verify, and refuses what it says against them and does not say against the present ones.
// It does not open environment files, so those are not shown to it.
func (v *validator) unit(ctx context.Context) error {
	changes := slices.DeleteFunc(slices.Clone(v.plan), func(c change.Change) bool { return validatorOf(v.site, c) != change.ValidateUnit })
	if len(changes) == 0 || !v.site.Manager.Systemd() {
		return nil
	}
	program, err := tool.Find("systemd-analyze")
	if err != nil {
		v.note("the unit files were not checked by systemd-analyze verify: this host has no such program")
		return nil
	}
	planned := map[string]host.Overlay{}
	for _, c := range changes {
		planned[c.Path] = host.Overlay{Data: c.To.Data, Mode: c.To.Mode, Absent: c.To.Kind == change.Absent}
	}
	after, err := v.verify(ctx, program, "new", v.site.FS.With(planned))
	if err != nil || len(after) == 0 {
		return err
	}
	before, err := v.verify(ctx, program, "old", v.site.FS)
	if err != nil {
		return err
	}
	for _, c := range newComplaints(before, after) {
		what := "systemd would not take it as it is meant"
		if v.back {
			v.note("%s; these bytes stood there before and are put back", complaintText(c.path, c.line, what, foreignText(c.text)))
			continue
		}
		return refused(c.path, c.line, what, foreignText(c.text))
	}
	return nil
}

// complaint is one line of systemd-analyze verify.
type complaint struct {
	path string // of the host; the unit's name where it is about the unit as a whole
	line int    // 0 where it is about the unit as a whole
	text string // without what it quotes from the file
}

// newComplaints returns those of after that before lacks. Lines move, so the text decides, and how often it is said. How much of it counts as quoted depends on what stands beside
// that in the line, so what is left of it is compared without spaces.
func newComplaints(before, after []complaint) []complaint {
	type key struct{ path, text string }
	plain := func(text string) string { return strings.ReplaceAll(text, " ", "") }
	known := map[key]int{}
	for _, c := range before {
		known[key{c.path, plain(c.text)}]++
	}
	var out []complaint
	for _, c := range after {
		k := key{c.path, plain(c.text)}
		if known[k] > 0 {
			known[k]--
			continue
		}
		out = append(out, c)
	}
	return out
}

// unitTree is a unit with all its files in a directory of its own: the strongest place of the search path, so that what is there counts instead of the host's own files.
type unitTree struct {
	dir   string
	real  map[string]string // path in the tree → path of the host
	bytes map[string][]byte // by path of the host
}

// tree copies the unit's files into the scratch directory. Of each base name systemd reads one drop-in only (systemd.unit(5)), and orders them by it, so one directory holds
// them all; a drop-in that goes away is covered by an empty one. ok is false when there is no unit to ask about.
func (v *validator) tree(name string, files *host.FS) (t unitTree, ok bool, err error) {
	t = unitTree{dir: path.Join(v.scratch.Dir(), name), real: map[string]string{}, bytes: map[string][]byte{}}
	put := func(rel, realPath string, data []byte) {
		if err == nil {
			var p string
			p, err = v.scratch.WriteAt(path.Join(name, rel), data)
			t.real[p], t.bytes[realPath] = realPath, data
		}
	}
	dropIns := v.site.Unit + ".d"
	present := map[string]bool{}
	for _, uf := range systemd.UnitFiles(files, v.site.Unit, v.site.userDirs()) {
		data, readErr := files.ReadFile(uf.Path)
		switch {
		case uf.Masked && !uf.DropIn:
			return t, false, nil
		case uf.Masked:
			data = nil
		case readErr != nil:
			return t, false, nil //nolint:nilerr // it is a fault already, and of nobody who plans a change
		}
		rel := v.site.Unit
		if uf.DropIn {
			rel = path.Join(dropIns, path.Base(uf.Path))
			present[path.Base(uf.Path)] = true
		}
		ok = ok || !uf.DropIn
		put(rel, uf.Path, data)
	}
	for _, c := range v.plan {
		if base := path.Base(c.Path); path.Base(path.Dir(c.Path)) == dropIns && path.Ext(base) == ".conf" && !present[base] {
			put(path.Join(dropIns, base), c.Path, nil)
		}
	}
	return t, ok, err
}

// verify asks about the unit as files have it. The exit status says little: what systemd ignores is said and not counted (systemd 252 to 262).
func (v *validator) verify(ctx context.Context, program, name string, files *host.FS) ([]complaint, error) {
	t, ok, err := v.tree(name, files)
	if err != nil || !ok {
		return nil, err
	}
	args := []string{"verify", "--man=no"}
	if v.site.Manager == ManagerSystemdUser {
		args = append(args, "--user")
	}
	// An empty element at the end stands for the usual search path (lookup_paths_init), which has the units this one refers to.
	env := append(userEnvironment(v.site), "SYSTEMD_UNIT_PATH="+t.dir+":")
	res, err := tool.Run(ctx, tool.Command{Path: program, Args: append(args, v.site.Unit), Env: env, Contained: true})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		v.note("the unit files could not be checked: systemd-analyze verify gave no answer in time")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t.complaints(v.site.Unit, res.Stdout+res.Stderr), nil
}

// complaints reads verify's output, PATH:LINE: TEXT or UNIT: TEXT. What it says about other units is not about this plan.
func (t unitTree) complaints(unit, output string) []complaint {
	var out []complaint
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, unit+": ") || strings.HasPrefix(line, "Unit "+unit+" ") {
			out = append(out, complaint{path: unit, text: strings.TrimPrefix(line, unit+": ")})
			continue
		}
		at, text, ok := strings.Cut(line, ": ")
		p, number, hasLine := cutLast(at, ":")
		n, err := strconv.Atoi(number)
		if !hasLine || err != nil {
			p, n = at, 0
		}
		realPath, mine := t.real[p]
		if !ok || !mine {
			continue
		}
		out = append(out, complaint{path: realPath, line: n, text: withoutQuotes(text, t.bytes[realPath], n)})
	}
	return out
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// shortestQuote is the length from which on a piece of a complaint that also stands in the line it is about counts as quoted from there.
const shortestQuote = 3

// withoutQuotes takes out of a complaint what it repeats of the assignment at a line: systemd prints values as they are, passwords too. Continued lines belong to
// the assignment; the name before the first '=' of the first one may stay.
func withoutQuotes(text string, data []byte, line int) string {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return text
	}
	secret := string(lines[line-1])
	if _, value, ok := strings.Cut(secret, "="); ok && (line == 1 || !bytes.HasSuffix(bytes.TrimRight(lines[line-2], "\r"), []byte(`\`))) {
		secret = value
	}
	for i := line - 1; i+1 < len(lines) && bytes.HasSuffix(bytes.TrimRight(lines[i], "\r"), []byte(`\`)); i++ {
		secret += "\n" + string(lines[i+1])
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for i+n < len(text) && strings.Contains(secret, text[i:i+n+1]) {
			n++
		}
		if n < shortestQuote {
			b.WriteByte(text[i])
			i++
			continue
		}
		if !strings.HasSuffix(b.String(), "…") {
			b.WriteString("…")
		}
		i += n
	}
	return b.String()
}
