package dockerfile_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/dockerfile"
)

const (
	mount  = "--mount=type=bind,from=docker-proxy-ca,target=/dev/docker-proxy-ca"
	source = ". /dev/docker-proxy-ca/env; "
)

// TestRewrite: what is added, and where, for every form that a RUN step can have. @M stands for the mount, @S for reading the variables.
func TestRewrite(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"shell", "FROM a\nRUN curl x\n", "FROM a\nRUN @M @Scurl x\n"},
		{"no last newline", "FROM a\nRUN curl x", "FROM a\nRUN @M @Scurl x"},
		{"small letters and blanks", "from a\n  run \tcurl x\n", "from a\n  run @M \t@Scurl x\n"},
		{"continued", "FROM a\nRUN curl x && \\\n    curl y\n", "FROM a\nRUN @M @Scurl x && \\\n    curl y\n"},
		{"continued at once", "FROM a\nRUN \\\n  # why\n\n  curl x\n", "FROM a\nRUN @M \\\n  # why\n\n  @Scurl x\n"},
		{"options", "FROM a\nRUN --mount=type=cache,target=/c --network=none curl --fail x\n", "FROM a\nRUN @M --mount=type=cache,target=/c --network=none @Scurl --fail x\n"},
		{"options in lines", "FROM a\nRUN --mount=type=cache,target=/c \\\n    --mount=type=tmpfs,target=/t \\\n # c\n    curl \\\n -x\n", "FROM a\nRUN @M --mount=type=cache,target=/c \\\n    --mount=type=tmpfs,target=/t \\\n # c\n    @Scurl \\\n -x\n"},
		{"quoted option", "FROM a\nRUN --mount=type=cache,\"target=/a b\" curl x\n", "FROM a\nRUN @M --mount=type=cache,\"target=/a b\" @Scurl x\n"},
		{"JSON", "FROM a\nRUN [\"curl\", \"x\"]\n", "FROM a\nRUN @M [\"/bin/sh\", \"/dev/docker-proxy-ca/run\", \"curl\", \"x\"]\n"},
		{"JSON in lines", "FROM a\nRUN --network=none \\\n [ \\\n \"curl\"]\n", "FROM a\nRUN @M --network=none \\\n [\"/bin/sh\", \"/dev/docker-proxy-ca/run\",  \\\n \"curl\"]\n"},
		{"not quite JSON", "FROM a\nRUN [ -e /x ] && curl x\n", "FROM a\nRUN @M @S[ -e /x ] && curl x\n"},
		{"heredoc", "FROM a\nRUN <<EOF\ncurl x\nRUN y\nEOF\nRUN z\n", "FROM a\nRUN @M <<EOF\n. /dev/docker-proxy-ca/env\ncurl x\nRUN y\nEOF\nRUN @M @Sz\n"},
		{"heredoc, chomped and quoted", "FROM a\nRUN <<-'END'\n\tcurl x\n\tEND\n", "FROM a\nRUN @M <<-'END'\n. /dev/docker-proxy-ca/env\n\tcurl x\n\tEND\n"},
		{"empty heredoc", "FROM a\nRUN <<EOF\nEOF\n", "FROM a\nRUN @M <<EOF\n. /dev/docker-proxy-ca/env\nEOF\n"},
		{"heredoc that is a script", "FROM a\nRUN <<EOF\n#!/usr/bin/env bash\ncurl x\nEOF\n", "FROM a\nRUN @M <<EOF\n#!/usr/bin/env bash\n. /dev/docker-proxy-ca/env\ncurl x\nEOF\n"},
		{"heredoc that is no script", "FROM a\nRUN <<EOF\n#!/usr/bin/python3\nimport x\nEOF\n", "FROM a\nRUN @M <<EOF\n#!/usr/bin/python3\nimport x\nEOF\n"},
		{"heredoc for a command", "FROM a\nRUN --network=none cat <<A >x && cat <<B\na\nA\nb\nB\n", "FROM a\nRUN @M --network=none @Scat <<A >x && cat <<B\na\nA\nb\nB\n"},
		{"heredoc of COPY", "FROM a\nCOPY <<EOF /x\nRUN not\nEOF\nRUN y\n", "FROM a\nCOPY <<EOF /x\nRUN not\nEOF\nRUN @M @Sy\n"},
		{"stages", "FROM a AS b\nRUN x\nFROM c\nCOPY --from=b / /\nRUN y\n", "FROM a AS b\nRUN @M @Sx\nFROM c\nCOPY --from=b / /\nRUN @M @Sy\n"},
		{"shells", "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN x\nSHELL [\"python3\", \"-c\"]\nRUN y\nFROM b\nRUN z\n", "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN @M @Sx\nSHELL [\"python3\", \"-c\"]\nRUN @M y\nFROM b\nRUN @M @Sz\n"},
		{"directives", "# syntax=docker/dockerfile:1\n# escape=`\n\nFROM a\nRUN x `\n  y\\\n", "# syntax=docker/dockerfile:1\n# escape=`\n\nFROM a\nRUN @M @Sx `\n  y\\\n"},
		{"CRLF", "FROM a\r\nRUN x \\\r\n y\r\n", "FROM a\r\nRUN @M @Sx \\\r\n y\r\n"},
		{"ONBUILD", "FROM a\nONBUILD RUN x\nRUN y\n", "FROM a\nONBUILD RUN x\nRUN @M @Sy\n"},
		{"a byte order mark", "\ufeffFROM a\nRUN x\n", "\ufeffFROM a\nRUN @M @Sx\n"},
		{"comments", "# RUN a\nFROM a\n# RUN b\nRUN x # RUN c\n", "# RUN a\nFROM a\n# RUN b\nRUN @M @Sx # RUN c\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := strings.NewReplacer("@M", mount, "@S", source).Replace(tc.want)
			got, err := dockerfile.Rewrite([]byte(tc.in), dockerfile.Options{Way: dockerfile.ByShell})
			assert.NilError(t, err)
			assert.Equal(t, string(got.Data), want)

			bySecret, err := dockerfile.Rewrite([]byte(tc.in), dockerfile.Options{Way: dockerfile.BySecret, Variables: []string{"A", "B"}})
			assert.NilError(t, err)
			const secrets = " --mount=type=secret,id=docker-proxy-ca-A,env=A,required --mount=type=secret,id=docker-proxy-ca-B,env=B,required"
			assert.Equal(t, strings.ReplaceAll(string(bySecret.Data), " "+mount+secrets, ""), tc.in, "nothing but options is added")
			assert.Equal(t, strings.Count(string(bySecret.Data), mount+secrets), bySecret.Steps)
		})
	}
}

// TestRewriteNotes: what a step does not get is said, with its line.
func TestRewriteNotes(t *testing.T) {
	in := "FROM a\nONBUILD RUN x\nRUN [\"y\"]\nSHELL [\"cmd\", \"/S\"]\nRUN z\nRUN <<EOF\n#!/usr/bin/perl\nEOF\n"
	got, err := dockerfile.Rewrite([]byte(in), dockerfile.Options{Way: dockerfile.ByShell})
	assert.NilError(t, err)
	var lines []string
	for _, n := range got.Notes {
		lines = append(lines, n.String())
	}
	assert.DeepEqual(t, lines, []string{
		"line 2: ONBUILD RUN is kept as it is: it runs when another image is built from this one, and is a part of this image",
		"line 3: it has no shell, so it gets its variables by /bin/sh, which the image needs to have",
		"line 5: its shell cannot read variables from a file: it has the files and no variables",
		"line 6: its program is no shell script, so it has the files and no variables",
	})
	assert.Equal(t, got.Steps, 3)
}

func TestRewriteOver(t *testing.T) {
	got, err := dockerfile.Rewrite([]byte("FROM a\nRUN x\n"), dockerfile.Options{Over: []dockerfile.Over{{Source: "bundle.pem", Target: "/etc/ssl/certs/ca-certificates.crt"}}})
	assert.NilError(t, err)
	assert.Equal(t, string(got.Data), "FROM a\nRUN "+mount+" --mount=type=bind,from=docker-proxy-ca,source=/bundle.pem,target=/etc/ssl/certs/ca-certificates.crt x\n")
}

func TestRewriteRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"no step", "FROM a\nCOPY x y\n", "it has no RUN step"},
		{"empty", "", "file with no instructions"},
		{"its own name", "FROM a AS Docker-Proxy-CA\nRUN x\n", "line 1: a stage is named"},
		{"an open heredoc", "FROM a\nRUN <<EOF\nx\n", "unterminated heredoc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := dockerfile.Rewrite([]byte(tc.in), dockerfile.Options{Way: dockerfile.ByShell})
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestSyntaxMakesVariables(t *testing.T) {
	for syntax, want := range map[string]bool{
		"docker/dockerfile:1": true, "docker/dockerfile": true, "docker.io/docker/dockerfile:1.10": true, "docker/dockerfile:1.12.1-labs": true, "docker/dockerfile:1-labs": true,
		"docker/dockerfile:1@sha256:00": true, "docker/dockerfile:1.9": false, "docker/dockerfile:1.4.3": false, "docker/dockerfile:experimental": false, "me/dockerfile:1": false,
	} {
		assert.Equal(t, dockerfile.SyntaxMakesVariables([]byte("# syntax="+syntax+"\nFROM a\n")), want, syntax)
	}
	assert.Assert(t, !dockerfile.SyntaxMakesVariables([]byte("FROM a\n# syntax=docker/dockerfile:1\n")))
}

// FuzzRewrite: whatever the file, it is refused or read back as it was meant (Rewrite compares itself, with BuildKit's parser), and never panics.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"FROM a\nRUN x\n", "FROM a\nRUN <<EOF\nx\nEOF\n", "# escape=`\nFROM a\nRUN --a=b `\n [\"x\"]\n", "FROM a\nRUN \\\n# c\n\n --x='a b' y\n"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, in string, shell bool) {
		o := dockerfile.Options{Variables: []string{"A"}}
		if shell {
			o.Way = dockerfile.ByShell
		}
		got, err := dockerfile.Rewrite([]byte(in), o)
		if err == nil && strings.Count(string(got.Data), mount) < got.Steps {
			t.Errorf("%d steps in %q", got.Steps, got.Data)
		}
	})
}
