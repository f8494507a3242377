package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

func exportFormats() []exportFormat {
	return []exportFormat{buildxFormat(), composeFormat(), dotenvFormat(), kubernetesFormat(), runFormat(), shellFormat(), urlFormat()}
}

func shellFormat() exportFormat {
	return exportFormat{
		name:  "shell",
		short: "Print lines that set the variables in a shell",
		long: `Print lines that set and export the proxy variables in any POSIX shell, with the daemon's settings: what a shell on this machine needs. --off prints lines that take the
variables out.`,
		example: `  eval "$(docker proxy export shell)"
  eval "$(docker proxy export shell --off)"
  . "$(docker proxy export shell -o ~/.config/proxy)"`,
		render: func(_ context.Context, x *exportRun) (exported, error) {
			s := x.only()
			out := exported{text: x.keys.Shell(s, x.opts.reveal)}
			out.files = []export.File{{Name: export.ShellFile, Data: []byte(export.Marker + x.keys.Shell(s, true)), Secret: s.HasCredentials()}}
			out.then = x.path(export.ShellFile) + "\n"
			if x.hidden() && x.opts.dir == "" {
				out.notes = x.undefined()
			}
			return out, nil
		},
		renderOff: func(_ context.Context, x *exportRun) (exported, error) {
			return exported{
				text: export.ShellOff(), then: x.path(export.ShellFile) + "\n",
				files: []export.File{{Name: export.ShellFile, Data: []byte(export.Marker + export.ShellOff())}},
			}, nil
		},
	}
}

// undefined says what the names in a text stand for.
func (x *exportRun) undefined() []string {
	return []string{fmt.Sprintf("${%s} stands for USER:PASSWORD, percent-encoded; -o DIR writes files with it that you alone can read, --reveal prints it.", strings.Join(x.keys.Names(), "} and ${"))}
}

func dotenvFormat() exportFormat {
	return exportFormat{
		name:      "dotenv",
		container: true,
		short:     "Print an env-file for docker run --env-file and Compose",
		long: `Print NAME=value lines in the form that docker run --env-file and Compose's env_file and .env read alike: no quotes, nothing to be escaped. A value that they would read
differently, with a quote, a dollar sign or a backslash in it, is refused.

Of docker run's sources config.json comes last, so what it sets wins over an env-file; 'docker proxy export run' knows how to keep it out.`,
		example: `  docker proxy export dotenv >proxy.env
  docker proxy export dotenv -o proxy
  docker proxy export dotenv -f proxy.yaml --service web -o proxy`,
		render: func(_ context.Context, x *exportRun) (exported, error) {
			s := x.only()
			text, err := x.keys.Dotenv(s, x.opts.reveal)
			if err != nil {
				return exported{}, err
			}
			whole, err := x.keys.Dotenv(s, true)
			if err != nil {
				return exported{}, err
			}
			out := exported{text: text, then: x.path(export.VariablesFile) + "\n"}
			out.files = []export.File{{Name: export.VariablesFile, Data: []byte(export.Marker + whole), Secret: s.HasCredentials()}}
			if x.hidden() && x.opts.dir == "" {
				out.notes = append(x.undefined(), "Compose replaces ${NAME} in an env-file, docker run --env-file does not.")
			}
			return out, nil
		},
		renderOff: func(_ context.Context, x *exportRun) (exported, error) {
			return exported{
				text: export.DotenvOff(), then: x.path(export.VariablesFile) + "\n",
				files: []export.File{{Name: export.VariablesFile, Data: []byte(export.Marker + export.DotenvOff())}},
				notes: []string{"docker run --env-file: what config.json sets wins over the file; docker proxy export run --off switches that off, too."},
			}, nil
		},
	}
}

func runFormat() exportFormat {
	return exportFormat{
		name:      "run",
		container: true,
		short:     "Print the options of docker run for one container",
		long: `Print the options that give one container the settings, for docker run and docker create: -e NAME=value, which wins over config.json. What config.json
sets and the settings do not have is made empty, so that they alone are in force.

With user and password the values go into a file (-o), since everybody sees a command line; the options then name the file, and keep config.json out where it would win over
the file.

--off prints the options that give the container no proxy whatever config.json says: every variable empty, in both spellings.`,
		example: `  docker run $(docker proxy export run) IMAGE
  docker run $(docker proxy export run --off) IMAGE
  docker run $(docker proxy export run -f proxy.yaml --service web -o proxy) IMAGE`,
		render: renderRun,
		renderOff: func(_ context.Context, x *exportRun) (exported, error) {
			if x.opts.dir != "" {
				return exported{}, usageErrorf("-o and --off exclude each other: config.json would win over a file")
			}
			return runWords(export.RunOff()), nil
		},
	}
}

func renderRun(_ context.Context, x *exportRun) (exported, error) {
	s, fromConfig := x.only(), x.fromConfig()
	if foreign := export.Foreign(s, fromConfig); len(foreign) > 0 {
		x.addNote("config.json gives new containers %s, too, which %s does not have: these options take them out.", strings.Join(foreign, ", "), x.opts.file)
	}
	if x.opts.dir == "" {
		if x.hidden() {
			return exported{}, usageErrorf("user and password do not go on a command line, where everybody on the machine sees them: -o DIR writes a file that you alone can read; --reveal prints them all the same")
		}
		return runWords(export.RunOptions(s, fromConfig)), nil
	}
	whole, err := x.keys.Dotenv(s, true)
	if err != nil {
		return exported{}, err
	}
	for _, name := range export.Contested(s, fromConfig) {
		if value, set := os.LookupEnv(name); set && value != s.Value(name) {
			return exported{}, fmt.Errorf("%s is set in this shell, to something else, and config.json sets it for containers: docker run would take one of them instead of the file; unset it first (eval \"$(docker proxy export shell --off)\")", name)
		}
	}
	out := runWords(export.RunFileOptions(s, x.path(export.VariablesFile), fromConfig))
	out.then, out.text = out.text, ""
	out.files = []export.File{{Name: export.VariablesFile, Data: []byte(export.Marker + whole), Secret: s.HasCredentials()}}
	return out, nil
}

// fromConfig returns the variables that config.json sets in a new container.
func (x *exportRun) fromConfig() []string {
	var names []string
	for _, v := range x.clientFile().ForContainers() {
		names = append(names, v.Name)
	}
	return names
}

func runWords(words []string) exported {
	text, isPlain := export.Words(words)
	out := exported{text: text + "\n"}
	if !isPlain {
		out.notes = []string{"A value has characters that a shell reads: use it as eval \"docker run $(docker proxy export run …) IMAGE\"."}
	}
	return out
}

func urlFormat() exportFormat {
	return exportFormat{
		name: "url", noFiles: true,
		short: "Print the proxy URLs",
		long: `Print the proxy URL, for programs that take it as an option. Where http and https have different ones, that for https comes first. The daemon's settings come before
those of config.json.`,
		example: `  curl --proxy "$(docker proxy export url)" https://example.com
  docker proxy export url -f proxy.yaml --service web --reveal`,
		render: func(_ context.Context, x *exportRun) (exported, error) {
			out := exported{text: x.keys.URLs(x.only(), x.opts.reveal)}
			if x.hidden() {
				out.notes = []string{fmt.Sprintf("${%s} stands for USER:PASSWORD, percent-encoded; --reveal prints it.", strings.Join(x.keys.Names(), "} and ${"))}
			}
			return out, nil
		},
	}
}
