package readers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// went is where a program's request arrived.
type went struct {
	To   string `json:"to"`   // the host name of a proxy, "direct", or "nowhere"
	Said string `json:"said"` // the end of what the program printed
}

// proxies are the ports of oracle's proxies.
func proxies() map[int]string {
	return map[int]string{3128: "http-proxy.test", 3129: "https-proxy.test", 3130: "all-proxy.test", 3131: "other-proxy.test"}
}

// askInNamespace makes every address of the world this machine's own, so that no request leaves it, and asks the program each question.
func askInNamespace(ctx context.Context, tool string, questions io.Reader, answers io.Writer) error {
	if err := makeWorld(ctx); err != nil {
		return err
	}
	arrived := make(chan string, 64)
	if err := listen(ctx, arrived); err != nil {
		return err
	}
	in := bufio.NewScanner(questions)
	in.Buffer(nil, 1<<20)
	out := json.NewEncoder(answers)
	for in.Scan() {
		var q struct {
			Vars [][2]string
			URL  string
		}
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			return err
		}
		if err := out.Encode(askOne(ctx, tool, q.Vars, q.URL, arrived)); err != nil {
			return err
		}
	}
	return in.Err()
}

func askOne(ctx context.Context, tool string, vars [][2]string, url string, arrived chan string) went {
	args := map[string][]string{
		"curl": {"-q", "-sS", "-o", "/dev/null", "--max-time", "10", url},
		"wget": {"-q", "-O", "/dev/null", "--tries=1", "--timeout=10", "--no-hsts", "-d", url},
	}[tool]
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=/nonexistent", "SYSTEM_WGETRC=" + emptyFile(), "WGETRC=" + emptyFile()}
	for _, v := range vars {
		cmd.Env = append(cmd.Env, v[0]+"="+v[1])
	}
	text, err := cmd.CombinedOutput()
	said := strings.TrimSpace(string(text))
	if len(said) > 300 {
		said = said[len(said)-300:]
	}
	if err != nil {
		said += " " + err.Error()
	}
	var to []string
	for {
		select {
		case at := <-arrived:
			to = append(to, at)
			continue
		case <-time.After(2 * time.Millisecond): // a program that has ended connects no more; its last connection may be on its way through accept
			if len(to) == 0 {
				select {
				case at := <-arrived:
					to = append(to, at)
					continue
				case <-time.After(300 * time.Millisecond):
					return went{"nowhere", said}
				}
			}
		}
		break
	}
	for _, at := range to {
		if at != to[0] {
			return went{strings.Join(to, " and "), said}
		}
	}
	return went{to[0], said}
}

// emptyFile is where wget reads no settings from.
func emptyFile() string { return filepath.Join(os.TempDir(), "wgetrc") }

// makeWorld brings up the loopback interface, routes all addresses to it, and makes this machine the name server.
func makeWorld(ctx context.Context) error {
	for _, argv := range [][]string{
		{"link", "set", "lo", "up"}, {"route", "add", "local", "0.0.0.0/0", "dev", "lo"}, {"-6", "route", "add", "local", "::/0", "dev", "lo"},
	} {
		if out, err := exec.CommandContext(ctx, "ip", argv...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(argv, " "), err, out)
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to this namespace: %w", err)
	}
	if err := os.WriteFile(emptyFile(), nil, 0o600); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", "/etc/nsswitch.conf": "hosts: files dns\n", "/etc/hosts": "127.0.0.1 localhost\n",
	} {
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // read by everybody
			return err
		}
		real, err := filepath.EvalSymlinks(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := unix.Mount(file, real, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("putting a file over %s: %w", name, err)
		}
	}
	return nil
}

// listen starts the name server, the proxies, and the servers that direct requests meet on the ports that the generator uses.
func listen(ctx context.Context, arrived chan<- string) error {
	var lc net.ListenConfig
	dns, err := lc.ListenPacket(ctx, "udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	go serveNames(dns)
	ports := map[int]string{80: "direct", 443: "direct", 8080: "direct", 5000: "direct"}
	for port, name := range proxies() {
		ports[port] = name
	}
	for port, name := range ports {
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("[::]:%d", port))
		if err != nil {
			return err
		}
		go serve(l, name, arrived)
	}
	return nil
}

// serve tells of each connection, answers a plain request with nothing at all, and everything else by hanging up.
func serve(l net.Listener, name string, arrived chan<- string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		arrived <- name
		go func() {
			defer c.Close()
			line, _ := bufio.NewReader(c).ReadString('\n') // a client that hangs up has arrived all the same
			switch {
			case strings.HasPrefix(line, "CONNECT "):
				fmt.Fprint(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			case strings.Contains(line, " HTTP/1."):
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			default:
				_ = c.(*net.TCPConn).SetLinger(0)
			}
		}()
	}
}

// serveNames answers every question for an IPv4 address with 127.0.0.1 and has no others.
func serveNames(c net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EBADF) {
			return
		}
		if err != nil {
			continue
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		if reply, err := m.Pack(); err == nil {
			_, _ = c.WriteTo(reply, from) // a lost answer is asked for again
		}
	}
}
