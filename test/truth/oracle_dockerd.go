package truth

import (
	"encoding/json"
	"fmt"
	"strings"
)

// dockerdScript starts a real dockerd for every state in turn, each in a mount
// namespace where /etc/docker is the state's, with exactly the state's
// environment, and keeps what its /info says. Storage and network are off: only
// the configuration is at issue.
const dockerdScript = factsScript + `set -u
mkdir -p /dpt/out /dpt/data /dpt/exec /etc/docker
tar -C / -xf -
facts
while read -r n; do
	d=/dpt/$n
	mkdir -p "$d/etc/docker"
	rm -f /dpt/docker.sock /dpt/docker.pid
	unshare -m sh -c '
		mount --bind "$1/etc/docker" /etc/docker && shift && exec "$@"
	' sh "$d" "$d/run" --data-root /dpt/data --exec-root /dpt/exec -H unix:///dpt/docker.sock --pidfile /dpt/docker.pid \
		--bridge none --iptables=false --storage-driver vfs --containerd /run/containerd/containerd.sock > "$d/log" 2>&1 &
	p=$!
	i=0
	while [ $i -lt 200 ] && kill -0 $p 2>/dev/null; do
		if [ -S /dpt/docker.sock ] && curl -s -f --unix-socket /dpt/docker.sock http://localhost/info > /dpt/info 2>/dev/null; then
			mv /dpt/info "/dpt/out/$n.info"
			break
		fi
		i=$((i+1)); sleep 0.05
	done
	kill -TERM $p 2>/dev/null
	wait $p
	grep -a -m 1 -iE 'unable to configure|panic: ' "$d/log" > "/dpt/out/$n.log" || tail -n 1 "$d/log" > "/dpt/out/$n.log"
done < /dpt/names
tar -C /dpt/out -cf - .
rm -rf /dpt
`

// askDockerd starts a real dockerd per state.
func askDockerd(m machine, states []State) (map[string]Answer, Facts, error) {
	files := []File{}
	var order strings.Builder
	for _, s := range states {
		u := oracleUnit(s)
		fmt.Fprintln(&order, u)
		root := "/dpt/" + u
		for _, f := range s.Files {
			if strings.HasPrefix(f.Path, "/etc/docker/") {
				f.Path = root + f.Path
				files = append(files, f)
			}
		}
		var run strings.Builder
		run.WriteString("#!/bin/sh\nexec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin")
		for _, w := range append(append([]string{}, s.Env...), append([]string{"dockerd"}, s.Args...)...) {
			run.WriteString(" " + shellQuote(w))
		}
		run.WriteString(" \"$@\"\n")
		files = append(files, File{Path: root + "/run", Text: run.String()})
	}
	files = append(files, File{Path: "/dpt/names", Text: order.String()})
	in, err := archive(files)
	if err != nil {
		return nil, Facts{}, err
	}
	out, err := m.Run(dockerdScript, in)
	if err != nil {
		return nil, Facts{}, err
	}
	got, err := unpack(out)
	if err != nil {
		return nil, Facts{}, err
	}
	answers := map[string]Answer{}
	for _, s := range states {
		text, ran := got[oracleUnit(s)+".info"]
		a := Answer{Ran: ran}
		if ran {
			a.Env = proxyVariables(strings.Join(s.Env, "\x00"))
			a.Info = &Info{}
			if err := json.Unmarshal([]byte(text), a.Info); err != nil {
				return nil, Facts{}, fmt.Errorf("%s: /info: %w", s.Name, err)
			}
		} else if !strings.Contains(got[oracleUnit(s)+".log"], "onfigur") && !strings.Contains(got[oracleUnit(s)+".log"], "panic") {
			return nil, Facts{}, fmt.Errorf("%s: dockerd did not start for another reason: %s", s.Name, got[oracleUnit(s)+".log"])
		}
		answers[s.Name] = a
	}
	return answers, readFacts(got), nil
}

// shellQuote makes one word of sh out of any bytes.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
