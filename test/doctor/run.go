package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// clientBase is the base of states that are about a docker CLI's configuration.
const clientBase = "client"

// report is what `doctor --format json` prints, as far as it is needed here.
type report struct {
	Findings []found `json:"findings"`
}

// found is one finding of the program.
type found struct {
	ID       string  `json:"id"`
	Severity string  `json:"severity"`
	Message  string  `json:"message"`
	Source   *source `json:"source"`
	Fix      string  `json:"fix"`
}

type source struct {
	Path string `json:"path"`
	Line int    `json:"line"`
}

// short is the finding as a state expects it.
func (f found) short() state.Finding {
	s := state.Finding{ID: f.ID}
	if f.Source != nil {
		s.Path, s.Line = f.Source.Path, f.Source.Line
	}
	return s
}

// constant are the findings that every directory has, because only a running system tells.
const constant = "not-known-under-root"

// doctor lays the machine in the state out below dir and runs the program on it. Findings that every directory has are left out.
func doctor(binary, dir string, bases state.Bases, s state.State) ([]found, error) {
	files, err := bases.Whole(s)
	if err != nil {
		return nil, err
	}
	if err := state.WriteTree(dir, files); err != nil {
		return nil, err
	}
	if s.Base == clientBase {
		return clientDoctor(binary, dir, s)
	}
	r, err := ask(binary, nil, append([]string{"doctor", "--root", dir, "--format", "json"}, s.Args...)...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(r.Findings, func(f found) bool { return f.ID == constant }), nil
}

// clientDoctor runs the program live, as the account would: the client's configuration belongs to an account, and is not looked for in a directory. No daemon is reached, and only
// what is found below dir counts, whatever this machine is.
func clientDoctor(binary, dir string, s state.State) ([]found, error) {
	env := []string{"DOCKER_CONFIG=" + filepath.Join(dir, "home/dev/.docker"), "DOCKER_HOST=unix://" + filepath.Join(dir, "docker.sock"), "HOME=" + filepath.Join(dir, "home/dev")}
	r, err := ask(binary, env, append([]string{"doctor", "--format", "json"}, s.Args...)...)
	if err != nil {
		return nil, err
	}
	var own []found
	for _, f := range r.Findings {
		if f.Source == nil || !strings.HasPrefix(f.Source.Path, dir+"/") {
			continue
		}
		f.Source.Path = strings.TrimPrefix(f.Source.Path, dir)
		own = append(own, f)
	}
	return own, nil
}

// ask runs the program and reads its report. Exit status 1 has to mean a finding of severity error.
func ask(binary string, env []string, args ...string) (report, error) {
	var r report
	cmd := exec.Command(binary, args...) //nolint:gosec,noctx // the program under test
	cmd.Env = append(append(os.Environ(), "DOCKER_CONTEXT="), env...)
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return r, err
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("doctor ended with status %d and no report: %s%s", cmd.ProcessState.ExitCode(), out.Bytes(), msg.Bytes())
	}
	wanted := 0
	if slices.ContainsFunc(r.Findings, func(f found) bool { return f.Severity == "error" }) {
		wanted = 1
	}
	if got := cmd.ProcessState.ExitCode(); got != wanted {
		return r, fmt.Errorf("exit status %d, wanted %d: %s%s", got, wanted, out.Bytes(), msg.Bytes())
	}
	return r, nil
}
