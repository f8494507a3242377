package daemon

import "strings"

// argFlag is one dockerd option that matters here, out of a command line.
type argFlag struct {
	name  string // long form
	value string
	at    int // index in argv of the argument that holds the value
}

// flagNames maps the options that matter to their long form. All of them take a value; dockerd reads its command line with spf13/pflag
// (moby cmd/dockerd/config.go, installCommonConfigFlags, and config_unix.go).
func flagNames(name string) string {
	switch name {
	case "http-proxy", "https-proxy", "no-proxy", "config-file", "data-root", "host", "pidfile", "exec-root", "insecure-registry", "registry-mirror":
		return name
	case "graph", "g": // until 23.0
		return "data-root"
	case "H":
		return "host"
	case "p":
		return "pidfile"
	}
	return ""
}

// parseFlags reads the options that matter out of argv, argv[0] included: `--name=value`, `--name value`, `-Hvalue`, `-H value`, `-DH value`.
func parseFlags(argv []string) []argFlag {
	var out []argFlag
	for i := 1; i < len(argv); i++ {
		arg := argv[i]
		if arg == "--" {
			break
		}
		name, value, has, ok := splitFlag(arg)
		if !ok {
			continue
		}
		if !has {
			if i++; i == len(argv) {
				break
			}
			value = argv[i]
		}
		out = append(out, argFlag{name, value, i})
	}
	return out
}

// splitFlag takes one argument apart. ok is false for what is no option that matters; has says that the value is in the same argument.
func splitFlag(arg string) (name, value string, has, ok bool) {
	if long, isLong := strings.CutPrefix(arg, "--"); isLong {
		long, value, has = strings.Cut(long, "=")
		name = flagNames(long)
		return name, value, has, name != "" && len(long) > 1
	}
	short, isShort := strings.CutPrefix(arg, "-")
	if !isShort || short == "" {
		return "", "", false, false
	}
	short = strings.TrimLeft(short, "Dvh") // switches may stand before one that takes a value
	if short == "" {
		return "", "", false, false
	}
	name = flagNames(short[:1])
	value = strings.TrimPrefix(short[1:], "=")
	return name, value, len(short) > 1, name != ""
}
