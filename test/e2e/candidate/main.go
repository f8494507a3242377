// Command candidate shows files to the validation that every changing command runs before it writes: pkg/daemon.Validate on this host, for bytes that the commands
// themselves would never plan. It reads {"PATH": "BYTES" or null, …} from stdin, a null taking the file away, says with the argument back that these bytes are put back, and prints {"notes": […], "error": "…"}. It writes nothing but the
// scratch directory of the validation.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"

	"github.com/docker/docker/client"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

type answer struct {
	Notes []string `json:"notes"`
	Error string   `json:"error"`
}

func main() {
	out, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context) (answer, error) {
	var wanted map[string]*string
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		return answer{}, err
	}
	files, err := host.Open("")
	if err != nil {
		return answer{}, err
	}
	defer files.Close()
	site, err := locate(ctx, files)
	if err != nil {
		return answer{}, err
	}
	var plan change.Plan
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		from, err := change.Observe(files, path)
		if err != nil {
			return answer{}, err
		}
		c := change.Change{Path: path, From: from}
		if data := wanted[path]; data != nil {
			c.To = from.WithData([]byte(*data))
		}
		plan = append(plan, c)
	}
	var out answer
	notes, err := daemon.Validate(ctx, site, plan, len(plan) == 0, len(os.Args) > 1 && os.Args[1] == "back")
	out.Notes = notes
	if err != nil {
		out.Error = err.Error()
	}
	return out, nil
}

func locate(ctx context.Context, files *host.FS) (*daemon.Site, error) {
	env := daemon.Env{FS: files, UID: os.Geteuid(), Getenv: os.Getenv, Context: "default", Endpoint: os.Getenv("DOCKER_HOST")}
	if env.Endpoint == "" {
		env.Endpoint = client.DefaultDockerHost
		if dir := os.Getenv("XDG_RUNTIME_DIR"); env.UID != 0 && dir != "" {
			env.Endpoint = "unix://" + dir + "/docker.sock"
		}
	}
	if u, err := user.Current(); err == nil {
		env.Home = u.HomeDir
	}
	api, err := client.NewClientWithOpts(client.WithHost(env.Endpoint), client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, err
	}
	env.Engine = engine.New(api)
	return daemon.Locate(ctx, env)
}
