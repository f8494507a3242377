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
const (
	loopSize      = 20
	claimedSize   = 100
	rootClaim     = 500
	archiveClaim  = 100
	fleetRuns     = 5
	fleetMemory   = 100_000_000
	benchCA       = "/root/bench-ca.pem"
	benchState    = "/tmp/bench-state"
	benchArchives = "bench-archive" // the account that uses the archive API
)

func fleetSizes() []int { return []int{1, 10, 100, 300} }

// fleetScript makes an image of the host's own Debian and starts containers of it; container i carries the label below-N for every N above it.
const fleetScript = `
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
i=0
while [ $i -lt 300 ]; do
	labels=
	for n in 1 10 20 100 300; do [ $i -ge $n ] || labels="$labels --label below-$n"; done
	docker create --network none --name bench-$i $labels bench-debian >/dev/null
	i=$((i+1))
done
docker start $(docker ps -aq --filter label=below-300) >/dev/null
`

// loop is what people type: it needs a shell in the container, and cannot be undone.
const loop = `for c in $(docker ps -q --filter label=below-20); do
	docker cp -q /root/bench-ca.pem $c:/usr/local/share/ca-certificates/bench.crt
	docker exec $c update-ca-certificates >/dev/null
done`

// fleet measures `ca add` on many containers, and the loop on some of them.
func (b *bench) fleet(ctx context.Context) ([]line, error) {
	r, err := b.machine.Exec(ctx, hosts.Cmd{Argv: []string{"sh", "-e", "-c", fleetScript}, Timeout: 15 * time.Minute})
	if err := failed("making containers", r, err); err != nil {
		return nil, err
	}
	var lines []line
	root := map[int]timing{}
	for _, n := range fleetSizes() {
		t, err := b.adds(ctx, nil, benchCA, n)
		if err != nil {
			return nil, err
		}
		root[n] = t
		lines = append(lines, alone(fmt.Sprintf("ca add in %d containers, per container", n), t.Median/time.Duration(n)))
	}
	archive, err := b.adds(ctx, []string{"setpriv", "--reuid", benchArchives, "--regid", benchArchives, "--init-groups", "env", "HOME=" + benchState, "XDG_STATE_HOME=" + benchState}, "/tmp/bench-ca.pem", claimedSize)
	if err != nil {
		return nil, err
	}
	// The loop last: it leaves its certificate behind.
	theirs, err := b.measure(ctx, order{Runs: 1, Cold: true, Commands: [][]string{{"sh", "-e", "-c", loop}}})
	if err != nil {
		return nil, err
	}
	each := theirs[0].Median / loopSize
	return append(lines,
		faster("ca add in 100 containers : the usual loop, per container", root[claimedSize].Median/claimedSize, each, rootClaim),
		faster("the same through the archive API, per container", archive.Median/claimedSize, each, archiveClaim),
		memory("peak memory of ca add in 100 containers", root[claimedSize].Peak, fleetMemory),
		memory("peak memory of ca add in 300 containers", root[300].Peak, fleetMemory),
	), nil
}

// adds times ca add in n containers that do not have the certificate; it is taken out again between the runs.
func (b *bench) adds(ctx context.Context, as []string, ca string, n int) (timing, error) {
	command := func(verb string) []string {
		return append(append([]string{}, as...), hosts.PluginPath, "ca", verb, ca, "--filter", fmt.Sprintf("label=below-%d", n), "--quiet")
	}
	text, err := b.output(ctx, command("add")...)
	if err != nil {
		return timing{}, err
	}
	if strings.Count(text, "\n") != n {
		return timing{}, fmt.Errorf("ca add in %d containers changed %d", n, strings.Count(text, "\n"))
	}
	t, err := b.measure(ctx, order{Runs: fleetRuns, Cold: true, Commands: [][]string{command("add")}, Before: [][]string{command("remove")}})
	if err != nil {
		return timing{}, err
	}
	_, err = b.output(ctx, command("remove")...)
	return t[0], err
}
