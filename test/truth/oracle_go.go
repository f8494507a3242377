package truth

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// goOracleVariable makes the test binary answer as goOracle instead of testing.
const goOracleVariable = "TRUTH_GO_ORACLE"

// goOracle prints what Go's net/http does in this process's environment, for
// the schemes http and https: "direct" or the proxy's host as Go would resolve
// it. http.ProxyFromEnvironment is what dockerd's registry client calls; it reads
// the environment once per process, hence a process per question.
func goOracle() {
	for _, scheme := range []string{"http", "https"} {
		req, err := http.NewRequest(http.MethodGet, scheme+"://registry.example/v2/", nil) //nolint:noctx // never sent
		if err != nil {
			fmt.Println("error")
			continue
		}
		switch u, err := http.ProxyFromEnvironment(req); {
		case err != nil:
			fmt.Println("error")
		case u == nil:
			fmt.Println("direct")
		default:
			fmt.Println("host " + u.Host)
		}
	}
}

// askGo returns the effect of the winners of the three keys: "proxy", "direct"
// or "invalid" by key. A value that Go accepts only by taking its scheme for the
// proxy's name ("lookup http: no such host") is "unusable": the project's
// vocabulary has no word of its own for it.
func askGo(winners map[string]string) (map[string]string, error) {
	ask := func(noProxy string) ([]string, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(self) //nolint:gosec,noctx // this very program
		cmd.Env = []string{goOracleVariable + "=1", "HTTP_PROXY=" + winners["http-proxy"], "HTTPS_PROXY=" + winners["https-proxy"], "NO_PROXY=" + noProxy}
		out, err := cmd.Output()
		return strings.Split(string(bytes.TrimSpace(out)), "\n"), err
	}
	with, err := ask(winners["no-proxy"])
	if err != nil {
		return nil, err
	}
	without, err := ask("")
	if err != nil {
		return nil, err
	}
	effects := map[string]string{}
	for i, key := range []string{"http-proxy", "https-proxy"} {
		switch {
		case winners[key] == "":
			effects[key] = "direct"
		case without[i] == "direct":
			effects[key] = "invalid"
		case with[i] == "direct":
			effects[key] = "direct"
		case !strings.Contains(with[i], ".corp") && !strings.Contains(with[i], "2001:db8"):
			effects[key] = "unusable"
		default:
			effects[key] = "proxy"
		}
	}
	return effects, nil
}
