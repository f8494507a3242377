package daemon

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkUnits judges what the unit files add up to: what takes a setting back, what hides a file, what stands where systemd does not look.
func checkUnits(o *Observation) {
	o.checkUnread()
	if !o.Site.Manager.Systemd() {
		o.otherInit()
		return
	}
	o.checkOverridden()
	o.checkHidden()
	o.checkPlaces()
}

// checkLoaded judges what the manager has in memory; checkState has told before of the keys that wait for it.
func checkLoaded(o *Observation) {
	if o.Site.Manager.Systemd() {
		o.checkReload()
		o.checkStartLimit()
	}
}

// overruled is what several variables of one line have in common that do nothing.
type overruled struct {
	id    string
	at    precedence.Source
	by    string // where what wins stands
	why   string
	names []string
	// duplicate: both are the administrator's drop-ins of this unit, so that taking the loser out changes nothing.
	duplicate bool
}

// checkOverridden tells of the administrator's own settings that another unit file, or an environment file, takes back. A vendor's file is there to be overridden, a value
// that is the same in the end does no harm, and of two lines of one file everybody expects the later one.
func (o *Observation) checkOverridden() {
	var all []*overruled
	for _, name := range o.Inputs.Env.Names() {
		if _, setting := precedence.KeyOf(name); !setting {
			continue // watched for checkOthers
		}
		slot := o.Inputs.Env.Slot(name)
		for _, l := range slot.Lost {
			next := overrules(slot.Winner, l)
			if next == nil {
				continue
			}
			next.duplicate = o.duplicate(slot.Winner, l)
			same := slices.IndexFunc(all, func(x *overruled) bool {
				return x.id == next.id && x.at.Path == next.at.Path && x.by == next.by && x.why == next.why && x.duplicate == next.duplicate
			})
			if same < 0 {
				all = append(all, next)
				continue
			}
			all[same].names = append(all[same].names, name)
			if next.at.Line < all[same].at.Line {
				all[same].at = next.at
			}
		}
	}
	for _, x := range all {
		fix := "docker proxy reconcile"
		if x.duplicate {
			fix = mendOr(x.id, fix)
		}
		o.find(x.id, &x.at, fix, "%s set here %s nothing: %s %s", strings.Join(x.names, " and "), map[bool]string{true: "does", false: "do"}[len(x.names) == 1], x.by, x.why)
	}
}

// overrules says what takes back a lost binding, or nil where that is no news.
func overrules(winner *precedence.Binding, l precedence.Lost) *overruled {
	b := l.Binding
	own := b.Source.Layer == precedence.LayerSystemd || b.Source.Layer == precedence.LayerStartup
	if !own || b.Unknown || b.Value == "" || isVendor(b.Source.Path) || winner != nil && !winner.Unknown && winner.Value == b.Value {
		return nil
	}
	out := &overruled{id: "systemd-drop-in-overridden", at: b.Source, names: []string{b.Source.Name}}
	switch l.Rule {
	case precedence.EnvironmentFileOverEnvironment:
		out.id, out.by, out.why = "systemd-environment-file-wins", winner.Source.String(), "sets another value, and systemd applies EnvironmentFile= after every Environment="
	case precedence.LaterEnvironmentFile:
		out.id, out.by, out.why = "systemd-environment-file-wins", winner.Source.String(), "sets another value, and of several environment files the one named later wins"
	case precedence.LaterDropIn:
		out.by, out.why = winner.Source.String(), "sets another value, and of several drop-ins the one with the later file name wins"
	case precedence.Reset:
		if l.By.Path == b.Source.Path || b.Source.Layer == precedence.LayerStartup {
			return nil // a file that begins anew says so itself; that nobody reads the startup file any more is told as such
		}
		out.by, out.why = l.By.String(), "resets what came before it"
	case precedence.UnsetEnvironment:
		out.by, out.why = l.By.String(), "removes the variable with UnsetEnvironment="
	default:
		return nil
	}
	return out
}

// isVendor reports whether a file belongs to a package and is there to be overridden (systemd.unit(5)).
func isVendor(p string) bool {
	return strings.HasPrefix(p, "/usr/") && !strings.HasPrefix(p, "/usr/local/") || strings.HasPrefix(p, "/lib/") || strings.Contains(p, "/.local/share/")
}
