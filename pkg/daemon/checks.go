package daemon

import "strings"

// check adds the findings that follow from the whole observation. A file that is read tells its own faults where it is read; what takes several files, or the
// verdicts, is judged here: one function a group, in check_GROUP.go. They run for a planned state, too, so they read files through o.Files and ask nobody.
func (o *Observation) check() {
	for _, check := range []func(*Observation){
		checkDaemonJSON,
		checkUnits,
		checkValues,
		checkNoProxy,
		checkState,
		checkLoaded,
		checkCredentials,
	} {
		check(o)
	}
}

// shellWord quotes a word for a command line that a person may paste.
func shellWord(s string) string {
	for _, r := range s {
		ok := r == '-' || r == '.' || r == ',' || r == ':' || r == '/' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !ok {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}
