package witness

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// dockerdScript starts a real dockerd for each state that AskSystemd laid out, in a mount namespace where /etc/docker is the state's, with the environment and
// the options that its unit has, and keeps what its /info says. Storage and network are off: only the configuration is at issue.
const dockerdScript = `set -u
mkdir -p /dpt/said /etc/docker
tar -C / -xf -
cat > /dpt/one <<'END'
u=$1 d=/dpt/$1 s=/dpt/run/$1
mkdir -p "$d/etc/docker" "$s"
unshare -m sh -c '
	mount --bind "$1/etc/docker" /etc/docker && shift && exec "$@"
' sh "$d" sh "$d/run" --data-root "$s/data" --exec-root "$s/exec" -H "unix://$s/sock" --pidfile "$s/pid" \
	--bridge none --iptables=false --storage-driver vfs --containerd /run/containerd/containerd.sock > "$d/log" 2>&1 &
p=$!
i=0
while [ $i -lt 400 ] && kill -0 $p 2>/dev/null; do
	if [ -S "$s/sock" ] && curl -s -f --unix-socket "$s/sock" http://localhost/info > "$s/info" 2>/dev/null; then
		mv "$s/info" "/dpt/said/$u.info"
		break
	fi
	i=$((i+1)); sleep 0.05
done
kill -KILL $p 2>/dev/null
wait $p 2>/dev/null
grep -a -m 1 -iE 'unable to configure|panic: |unknown flag' "$d/log" > "/dpt/said/$u.log" || tail -n 1 "$d/log" > "/dpt/said/$u.log"
END
xargs -P 3 -n 1 sh /dpt/one < /dpt/names 2>/dev/null
tar -C /dpt/said -cf - .
rm -rf /dpt/said /dpt/run
`

// AskDockerd starts a real dockerd for every state whose unit starts, and for which ask says so, with what its answer says, and completes the answers by what dockerd
// says itself. AskSystemd has laid the states out before.
func AskDockerd(m Machine, answers []Answer, ask func(n int) bool) error {
	var files []state.File
	var order strings.Builder
	for n, a := range answers {
		if !a.Starts || !ask(n) {
			continue
		}
		u := unitOf(n)
		fmt.Fprintln(&order, u)
		words := []string{"exec", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		var names []string
		for name := range a.Env {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			words = append(words, quote(name+"="+a.Env[name]))
		}
		words = append(words, "dockerd")
		for _, arg := range daemonArgs(a.Args) {
			words = append(words, quote(arg))
		}
		files = append(files, state.File{Path: top + "/" + u + "/run", Data: strings.Join(words, " ") + " \"$@\"\n", Mode: 0o644})
	}
	files = append(files, state.File{Path: top + "/names", Data: order.String(), Mode: 0o644})
	in, err := pack(files)
	if err != nil {
		return err
	}
	out, err := m.Run(dockerdScript, in)
	if err != nil {
		return err
	}
	got, err := unpack(out)
	if err != nil {
		return err
	}
	for n := range answers {
		if err := hear(&answers[n], got, unitOf(n)); err != nil {
			return err
		}
	}
	return nil
}

// hear takes one dockerd's word.
func hear(a *Answer, got map[string]string, u string) error {
	log, asked := got[u+".log"]
	if !asked {
		return nil
	}
	text, runs := got[u+".info"]
	if !runs {
		if !strings.Contains(log, "onfigur") && !strings.Contains(log, "panic") && !strings.Contains(log, "unknown flag") {
			return fmt.Errorf("%s: dockerd did not start for a reason of its own: %s", u, log)
		}
		a.Starts, a.Log = false, strings.TrimSpace(log)
		return nil
	}
	a.Info = &Info{}
	return json.Unmarshal([]byte(text), a.Info)
}

// daemonArgs are a unit's options without those that say where dockerd listens, which the script gives.
func daemonArgs(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-H" || args[i] == "--host":
			i++
		case strings.HasPrefix(args[i], "--containerd=") || strings.HasPrefix(args[i], "-H"):
		default:
			out = append(out, args[i])
		}
	}
	return out
}

func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// EnvironmentDecides reports whether a dockerd need not be asked, because there is no configuration file and no option of its own: then what it uses is what its
// environment says, which test/truth shows.
func EnvironmentDecides(machine []state.File, a Answer) bool {
	for _, f := range machine {
		if strings.HasSuffix(f.Path, "/daemon.json") {
			return false
		}
	}
	return len(daemonArgs(a.Args)) == 0
}
