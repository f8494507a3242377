package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// ErrorLines returns the daemon's own last error lines since a moment, for the person who has to understand why it did not start. They may hold credentials; mask
// them before printing.
func ErrorLines(ctx context.Context, site *Site, since time.Time) []string {
	if !site.Manager.Systemd() {
		data, err := site.FS.ReadFile("/var/log/docker.log")
		if err != nil {
			return nil
		}
		return errorLines(lastLines(string(data), 40))
	}
	path, err := tool.Find("journalctl")
	if err != nil {
		return nil
	}
	args := []string{"--unit=" + site.Unit, "--output=cat", "--no-pager", "--quiet", "--lines=60", fmt.Sprintf("--since=@%d", since.Unix())}
	if site.Manager == ManagerSystemdUser {
		args = append(args, "--user")
	}
	res, err := tool.Run(ctx, tool.Command{Path: path, Args: args, Limit: 5 * time.Second, Env: userEnvironment(site)})
	if err != nil {
		return nil
	}
	return errorLines(res.Stdout)
}

// errorLines picks the lines that say what went wrong: at most five, the last ones, each once.
func errorLines(text string) []string {
	var out []string
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		low := strings.ToLower(line)
		if line == "" || seen[line] || !(strings.Contains(low, "error") || strings.Contains(low, "fail") || strings.Contains(low, "unable") || strings.Contains(low, "fatal") || strings.Contains(low, "invalid")) || strings.Contains(low, "level=warning") || strings.Contains(low, "level=info") {
			continue
		}
		seen[line] = true
		out = append(out, line)
	}
	return out[max(0, len(out)-5):]
}

// userEnvironment is what tools need to find a rootless account's manager.
func userEnvironment(site *Site) []string {
	if site.User == nil {
		return nil
	}
	return []string{"XDG_RUNTIME_DIR=" + site.User.RuntimeDir, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + site.User.RuntimeDir + "/bus", "HOME=" + site.User.Home}
}
