package precedence

// Rule names the reason why one binding wins over another. The list is closed; each rule is explained by one sentence.
type Rule string

// The rules of the JSON output.
const (
	FlagOverEnvironment            Rule = "flag-over-environment"
	ConfigOverEnvironment          Rule = "config-over-environment"
	UpperOverLower                 Rule = "upper-over-lower"
	EnvironmentFileOverEnvironment Rule = "environment-file-over-environment"
	LaterEnvironmentFile           Rule = "later-environment-file"
	LaterDropIn                    Rule = "later-drop-in"
	LaterAssignment                Rule = "later-assignment"
	UnsetEnvironment               Rule = "unset-environment"
	Reset                          Rule = "reset"
	ScriptOverInherited            Rule = "script-over-inherited"
	EmptyCountsAsUnset             Rule = "empty-counts-as-unset"
	OnlyValue                      Rule = "only-value"
)

// Rules returns all rules in the order of the documentation.
func Rules() []Rule {
	return []Rule{
		FlagOverEnvironment, ConfigOverEnvironment, UpperOverLower, EnvironmentFileOverEnvironment, LaterEnvironmentFile, LaterDropIn,
		LaterAssignment, UnsetEnvironment, Reset, ScriptOverInherited, EmptyCountsAsUnset, OnlyValue,
	}
}

// Explain returns the rule as one sentence, with where it comes from.
func (r Rule) Explain() string {
	switch r {
	case FlagOverEnvironment:
		return "a proxy flag on dockerd's command line overwrites the variable in dockerd's environment (dockerd 23.0 and later)"
	case ConfigOverEnvironment:
		return "a proxy in daemon.json overwrites the variable in dockerd's environment (dockerd 23.0 and later)"
	case UpperOverLower:
		return "Go reads the upper-case variable first and the lower-case one only when that is empty"
	case EnvironmentFileOverEnvironment:
		return "systemd applies EnvironmentFile= after every Environment=, whatever drop-in it stands in"
	case LaterEnvironmentFile:
		return "of several EnvironmentFile= the one systemd reads later wins"
	case LaterDropIn:
		return "drop-ins are read in the order of their file names over all directories, and the later one wins"
	case LaterAssignment:
		return "the later assignment of the same variable wins"
	case UnsetEnvironment:
		return "UnsetEnvironment= is applied last and removes the variable, wherever it came from"
	case Reset:
		return "an empty assignment of the directive resets what came before it"
	case ScriptOverInherited:
		return "what the startup script exports replaces what it inherited"
	case EmptyCountsAsUnset:
		return "an empty value counts as not set"
	case OnlyValue:
		return "nothing else sets it"
	}
	return string(r)
}
