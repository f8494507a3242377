package export

import "slices"

// RunOptions returns the options of docker run and docker create that give a container the settings: -e NAME=value words. Credentials are in them: who prints them asks first.
// An option -e keeps config.json's value of the same name out (docker/cli v28.5.2 configfile.ParseProxyConfig). fromConfig are the variables that config.json sets: what the settings
// do not have is made empty, so that they alone are in force.
func RunOptions(s Settings, fromConfig []string) []string {
	var words []string
	for _, v := range s.variables() {
		words = append(words, "-e", v.name+"="+v.text)
	}
	return append(words, empty(Foreign(s, fromConfig))...)
}

// empty returns the options that set variables to nothing.
func empty(names []string) []string {
	var words []string
	for _, n := range names {
		words = append(words, "-e", n+"=")
	}
	return words
}

// Foreign returns the variables that config.json sets and the settings do not.
func Foreign(s Settings, fromConfig []string) []string {
	own := s.VariableNames()
	return slices.DeleteFunc(slices.Clone(fromConfig), func(n string) bool { return slices.Contains(own, n) })
}

// RunFileOptions is RunOptions with the values in an env-file. What config.json sets for a container comes behind an env-file and would win; a bare -e NAME keeps it out, and
// leaves the file's value as long as the caller's own environment has no variable of that name: the daemon passes over a name without a value. fromConfig are the
// variables that config.json sets.
func RunFileOptions(s Settings, file string, fromConfig []string) []string {
	words := []string{"--env-file", file}
	for _, n := range Contested(s, fromConfig) {
		words = append(words, "-e", n)
	}
	return append(words, empty(Foreign(s, fromConfig))...)
}

// Contested returns the variables of the settings that config.json sets too.
func Contested(s Settings, fromConfig []string) []string {
	has := map[string]bool{}
	for _, n := range fromConfig {
		has[n] = true
	}
	var out []string
	for _, n := range s.VariableNames() {
		if has[n] {
			out = append(out, n)
		}
	}
	return out
}

// RunOff returns the options that give a container no proxy, whatever config.json says: each variable empty, in both spellings, since config.json sets each one that is not
// named. Programs take an empty variable for one that is not set.
func RunOff() []string {
	return empty(Names())
}
