package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// How many containers are changed in one run, and what is claimed for 100 of them: so many times faster than the usual loop, through the containers' own roots and through the
// archive API. The time of the loop is taken over a few of the same containers.
//
// Each size is measured with just that many containers running: what dockerd takes for one request of the archive API grows with all that run (docs/ca-containers.md), which the bench
// shows in lines of their own.
const (
	loopSize      = 20
	claimedSize   = 100
	largestSize   = 300
	rootClaim     = 500
	archiveClaim  = 100
	growthLimit   = 1.2 // of the time per container from 100 to 300: what is there besides noise
	fleetRuns     = 5
	archiveRuns   = 3
	fleetMemory   = 100_000_000
	benchCA       = "/root/bench-ca.pem"
	benchState    = "/tmp/bench-state"
	benchArchives = "bench-archive" // the account that uses the archive API
	dockerSocket  = "/run/docker.sock"
)

func fleetSizes() []int { return []int{1, 10, claimedSize, largestSize} }

// makeContainers creates containers; container i carries the label below-N for every N above it.
const makeContainers = `
make() {
	i=$1
	while [ $i -lt $2 ]; do
		labels=
		for n in 1 10 20 100 300; do [ $i -ge $n ] || labels="$labels --label below-$n"; done
		docker create --network none --name bench-$i $labels bench-debian >/dev/null
		i=$((i+1))
	done
}
`

// fleetScript makes an image of the host's own Debian, and the containers of it.
const fleetScript = makeContainers + `
mkdir -p /srv/image/tmp
chmod 1777 /srv/image/tmp
cd /
tar -cf - --exclude=var/lib/docker --exclude=usr/share/doc --exclude=usr/share/man --exclude=usr/share/locale --exclude=usr/lib/modules --exclude='usr/bin/docker*' \
	--exclude='usr/sbin/docker*' --exclude='usr/bin/containerd*' --exclude=usr/libexec --exclude=usr/local/bin --exclude=usr/local/lib --exclude=var/cache \
	usr bin sbin lib lib64 etc var -C /srv/image tmp | docker import -c 'CMD ["sleep","infinity"]' - bench-debian >/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out /root/bench-ca.pem -days 3650 -subj "/CN=Bench CA" \
	-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
cp /root/bench-ca.pem /tmp/bench-ca.pem
chmod 644 /tmp/bench-ca.pem
useradd -M -G docker bench-archive
install -d -o bench-archive /tmp/bench-state
make 0 300
`

// startScript has the first $1 containers run.
const startScript = `docker start $(docker ps -aq --filter label=below-$1) >/dev/null`

// anewScript makes the containers anew that the loop changed: it cannot be undone.
const anewScript = makeContainers + `
docker rm -f $(docker ps -aq --filter label=below-20) >/dev/null
make 0 20
docker start $(docker ps -aq --filter label=below-20) >/dev/null
`

// loop is what people type: it needs a shell in the container, and cannot be undone.
const loop = `for c in $(docker ps -q --filter label=below-20); do
	docker cp -q /root/bench-ca.pem $c:/usr/local/share/ca-certificates/bench.crt
	docker exec $c update-ca-certificates >/dev/null
done`

// fleet measures `ca add` on many containers, and the loop on some of them.
func (b *bench) fleet(ctx context.Context) ([]line, error) {
	if err := b.script(ctx, fleetScript); err != nil {
		return nil, err
	}
	var lines []line
	root := map[int]timing{}
	for _, n := range fleetSizes() {
		if err := b.script(ctx, startScript, fmt.Sprint(n)); err != nil {
			return nil, err
		}
		t, err := b.adds(ctx, byRoot(n))
		if err != nil {
			return nil, err
		}
		root[n] = t
		lines = append(lines, alone(fmt.Sprintf("ca add in %d containers, per container", n), t.Median/time.Duration(n)))
		archive, more, err := b.byArchive(ctx, n)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
		if n == claimedSize {
			if more, err = b.claimed(ctx, t, archive); err != nil {
				return nil, err
			}
			lines = append(lines, more...)
		}
	}
	last := root[largestSize]
	return append(lines,
		compare("ca add, per container: in 300 containers : in 100", per(last, largestSize), per(root[claimedSize], claimedSize), growthLimit),
		memory("peak memory of ca add in 100 containers", root[claimedSize].Peak, fleetMemory),
		memory("peak memory of ca add in 300 containers", last.Peak, fleetMemory),
	), nil
}

func per(t timing, n int) timing { return timing{Median: t.Median / time.Duration(n)} }

// byArchive measures the archive API alone, and what dockerd takes for one request of it.
func (b *bench) byArchive(ctx context.Context, n int) (timing, []line, error) {
	t, err := b.adds(ctx, byArchive(n))
	if err != nil {
		return t, nil, err
	}
	const container = "/containers/bench-0"
	asked, err := b.ask(ctx, questions{Socket: dockerSocket, Times: 200, List: []question{{"HEAD", container + "/archive?path=/"}, {"GET", container + "/json"}}})
	if err != nil {
		return t, nil, err
	}
	return t, []line{
		alone("through the archive API, per container", t.Median/time.Duration(n)),
		alone(fmt.Sprintf("one request of the archive API, %d running", n), asked[0]),
		alone(fmt.Sprintf("one inspection, %d running", n), asked[1]),
	}, nil
}

// claimed compares with the loop at the size of which something is claimed, for which both ways of ours are measured. The loop comes after them, since it leaves its
// certificate behind.
func (b *bench) claimed(ctx context.Context, root, archive timing) ([]line, error) {
	few, err := b.adds(ctx, byRoot(loopSize))
	if err != nil {
		return nil, err
	}
	theirs, err := b.measure(ctx, order{Runs: 1, Cold: true, Commands: [][]string{{"sh", "-e", "-c", loop}}})
	if err != nil {
		return nil, err
	}
	each := theirs[0].Median / loopSize
	return []line{
		faster("ca add in 100 containers : the usual loop, per container", root.Median/claimedSize, each, rootClaim),
		faster("the same through the archive API, per container", archive.Median/claimedSize, each, archiveClaim),
		faster("ca add in 20 containers : the usual loop in the same 20", few.Median, theirs[0].Median, 0),
	}, b.script(ctx, anewScript)
}

// added is one way of adding to n containers.
type added struct {
	as   []string // what runs it as somebody else
	ca   string
	n    int
	runs int
}

func byRoot(n int) added { return added{ca: benchCA, n: n, runs: fleetRuns} }

func byArchive(n int) added {
	as := []string{"setpriv", "--reuid", benchArchives, "--regid", benchArchives, "--init-groups", "env", "HOME=" + benchState, "XDG_STATE_HOME=" + benchState}
	return added{as: as, ca: "/tmp/bench-ca.pem", n: n, runs: archiveRuns}
}

// adds times ca add in containers that do not have the certificate; it is taken out again between the runs.
func (b *bench) adds(ctx context.Context, a added) (timing, error) {
	command := func(verb string) []string {
		return append(append([]string{}, a.as...), hosts.PluginPath, "ca", verb, a.ca, "--filter", fmt.Sprintf("label=below-%d", a.n), "--quiet")
	}
	text, err := b.output(ctx, command("add")...)
	if err != nil {
		return timing{}, err
	}
	if strings.Count(text, "\n") != a.n {
		return timing{}, fmt.Errorf("ca add in %d containers changed %d", a.n, strings.Count(text, "\n"))
	}
	t, err := b.measure(ctx, order{Runs: a.runs, Cold: true, Commands: [][]string{command("add")}, Before: [][]string{command("remove")}})
	if err != nil {
		return timing{}, err
	}
	_, err = b.output(ctx, command("remove")...)
	return t[0], err
}

// script runs a shell script on the host; it may take as long as making 300 containers does.
func (b *bench) script(ctx context.Context, text string, args ...string) error {
	r, err := b.machine.Exec(ctx, hosts.Cmd{Argv: append([]string{"sh", "-e", "-c", text, "sh"}, args...), Timeout: 15 * time.Minute})
	return failed("making containers", r, err)
}
