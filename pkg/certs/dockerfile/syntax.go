package dockerfile

import (
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// secretVariables is the minor version of Dockerfile syntax 1 that has --mount=type=secret,env=NAME.
const secretVariables = 10

// SyntaxMakesVariables reports whether the Dockerfile names a frontend of its own ("# syntax=") that certainly makes variables of secrets: Docker's, 1.10 or newer, or a
// tag that moves with the newest.
func SyntaxMakesVariables(src []byte) bool {
	ref, _, _, ok := parser.DetectSyntax(src)
	if !ok {
		return false
	}
	ref, _, _ = strings.Cut(ref, "@")
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "index.docker.io/")
	name, tag, _ := strings.Cut(ref, ":")
	if name != "docker/dockerfile" && name != "docker/dockerfile-upstream" {
		return false
	}
	version, _, _ := strings.Cut(tag, "-") // 1-labs, 1.10-labs
	switch version {
	case "", "latest", "1", "labs", "master":
		return true
	}
	parts := strings.Split(version, ".")
	if len(parts) < 2 || parts[0] != "1" {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && minor >= secretVariables
}
