package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// setFlags are the values of `set` as given.
type setFlags struct {
	httpProxy, httpsProxy, proxy, ftpProxy, allProxy, clientProxy string
	noProxy, daemonNoProxy, clientNoProxy                         string
	noProxyAdd, noProxyRemove                                     []string
	username, passwordFile                                        string
	passwordStdin                                                 bool
}

func (s *setFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.proxy, "proxy", "", "Proxy `URL` for http and https; - reads it from stdin")
	f.StringVar(&s.httpProxy, "http-proxy", "", "Proxy `URL` for http")
	f.StringVar(&s.httpsProxy, "https-proxy", "", "Proxy `URL` for https (registries are reached by https)")
	f.StringVar(&s.ftpProxy, "ftp-proxy", "", "Proxy `URL` for ftp (client only)")
	f.StringVar(&s.allProxy, "all-proxy", "", "Proxy `URL` for everything else (client only; Go programs ignore it)")
	f.StringVar(&s.clientProxy, "client-proxy", "", "Another proxy `URL` for containers and builds")
	f.StringVar(&s.noProxy, "no-proxy", "", "Comma-separated `LIST` of hosts that are reached directly; its entry auto stands for what is computed from this machine")
	f.StringVar(&s.daemonNoProxy, "daemon-no-proxy", "", "The `LIST` for the daemon alone")
	f.StringVar(&s.clientNoProxy, "client-no-proxy", "", "The `LIST` for containers and builds alone")
	f.StringSliceVar(&s.noProxyAdd, "no-proxy-add", nil, "Add an `ENTRY` to the present lists")
	f.StringSliceVar(&s.noProxyRemove, "no-proxy-remove", nil, "Take an `ENTRY` out of the present lists")
	f.StringVar(&s.username, "username", "", "User name at the proxy, as it is (not percent-encoded)")
	f.BoolVar(&s.passwordStdin, "password-stdin", false, "Read the password from stdin")
	f.StringVar(&s.passwordFile, "password-file", "", "Read the password from `FILE`")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "password-file")
	cmd.MarkFlagsMutuallyExclusive("proxy", "http-proxy")
	cmd.MarkFlagsMutuallyExclusive("proxy", "https-proxy")
}

// parse checks the values that are flags and files, in the order in which a person would want to hear about mistakes. It reads neither stdin nor a prompt.
func (s *setFlags) parse(changed func(string) bool, yes, client bool) (*wanted, error) {
	w := &wanted{urls: map[precedence.Key]precedence.Value{}, client: map[string]precedence.Value{}, add: s.noProxyAdd, remove: s.noProxyRemove}
	if changed("proxy") && s.proxy != "-" {
		s.httpProxy, s.httpsProxy = s.proxy, s.proxy
	}
	both := changed("proxy") && s.proxy != "-"
	for _, u := range []struct {
		flag, raw string
		store     func(precedence.Value)
	}{
		{"http-proxy", s.httpProxy, func(v precedence.Value) { w.urls[precedence.HTTPProxy] = v }},
		{"https-proxy", s.httpsProxy, func(v precedence.Value) { w.urls[precedence.HTTPSProxy] = v }},
		{"ftp-proxy", s.ftpProxy, func(v precedence.Value) { w.client["ftpProxy"] = v }},
		{"all-proxy", s.allProxy, func(v precedence.Value) { w.client["allProxy"] = v }},
		{"client-proxy", s.clientProxy, func(v precedence.Value) { w.clientURL = v }},
	} {
		if !changed(u.flag) && !(both && (u.flag == "http-proxy" || u.flag == "https-proxy")) {
			continue
		}
		p, err := precedence.ParseProxyURL(u.raw, yes)
		if err != nil {
			return nil, usageErrorf("%w", err)
		}
		u.store(p.Value)
		w.note(p)
	}
	return w, s.parseLists(w, changed, client)
}

func (w *wanted) note(p precedence.ProxyURL) {
	for _, n := range p.Notes {
		w.addNote(n)
	}
	if p.Value.HasCredentials() {
		w.addNote("a password given as an argument stays in the shell's history and was visible in the process list; --username with --password-stdin avoids both")
	}
}

func (w *wanted) addNote(n string) {
	for _, have := range w.notes {
		if have == n {
			return
		}
	}
	w.notes = append(w.notes, n)
}

func (s *setFlags) parseLists(w *wanted, changed func(string) bool, client bool) error {
	for _, l := range []struct {
		flag, raw string
		store     **string
	}{{"no-proxy", s.noProxy, &w.noProxy}, {"daemon-no-proxy", s.daemonNoProxy, &w.daemonNo}, {"client-no-proxy", s.clientNoProxy, &w.clientNo}} {
		if !changed(l.flag) {
			continue
		}
		list, err := checkList("--"+l.flag, l.raw)
		if err != nil {
			return err
		}
		if list == "" {
			return usageErrorf("--%s: the list is empty; use `docker proxy unset --no-proxy` to take it out", l.flag)
		}
		*l.store = &list
		for _, n := range listNotes(list, client && l.flag != "daemon-no-proxy") {
			w.addNote(n)
		}
	}
	for _, e := range append(append([]string{}, s.noProxyAdd...), s.noProxyRemove...) {
		if _, err := checkList("--no-proxy-add", e); err != nil || strings.Contains(e, ",") {
			return usageErrorf("%q is not an entry of a NO_PROXY list", precedence.Mask(e))
		}
	}
	for _, n := range listNotes(strings.Join(s.noProxyAdd, ","), client) {
		w.addNote(n)
	}
	if (s.passwordStdin || s.passwordFile != "") && s.username == "" {
		return usageErrorf("a password needs --username")
	}
	if s.passwordStdin && s.proxy == "-" {
		return usageErrorf("--proxy - and --password-stdin cannot both read stdin")
	}
	return nil
}

// read takes what comes from stdin, a file or a prompt. It is called after everything else was checked.
func (s *setFlags) read(a *app, w *wanted, yes bool) error {
	if s.proxy == "-" {
		line, err := firstLine(a.cli.In())
		if err != nil {
			return fmt.Errorf("reading the proxy URL from stdin: %w", err)
		}
		a.redactor.AddValue(precedence.Value(line))
		p, err := precedence.ParseProxyURL(line, yes)
		if err != nil {
			return usageErrorf("%w", err)
		}
		w.urls[precedence.HTTPProxy], w.urls[precedence.HTTPSProxy] = p.Value, p.Value
		w.notes = append(w.notes, p.Notes...)
	}
	if s.username == "" {
		return nil
	}
	password, err := s.password(a)
	if err != nil {
		return err
	}
	if strings.ContainsFunc(s.username+password, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return usageErrorf("user name or password hold control characters")
	}
	a.redactor.Add(password)
	w.username, w.password, w.rekey = s.username, password, true
	return nil
}

func (s *setFlags) password(a *app) (string, error) {
	switch {
	case s.passwordStdin:
		p, err := firstLine(a.cli.In())
		if err != nil {
			return "", fmt.Errorf("reading the password from stdin: %w", err)
		}
		return p, nil
	case s.passwordFile != "":
		return passwordFromFile(s.passwordFile)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0) //nolint:forbidigo // a prompt, not a file of the host
	if err != nil {
		return "", usageErrorf("--username needs a password: use --password-stdin or --password-file (there is no terminal to ask on)")
	}
	defer tty.Close()
	fmt.Fprintf(tty, "Password of %s at the proxy: ", s.username)
	data, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return string(data), nil
}

// passwordFromFile reads the first line of a file.
func passwordFromFile(path string) (string, error) {
	f, err := os.Open(path) //nolint:forbidigo // named by the caller, read with the caller's rights
	if err != nil {
		return "", fmt.Errorf("reading the password file: %w", err)
	}
	defer f.Close()
	p, err := firstLine(f)
	if err != nil {
		return "", fmt.Errorf("reading the password file %s: %w", path, err)
	}
	return p, nil
}

// maxLine is the longest line read from stdin or a password file, in bytes.
const maxLine = 64 << 10

// firstLine returns the first line without its end. Nothing at all is an error.
func firstLine(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxLine))
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return "", errors.New("nothing to read")
	}
	return string(line), nil
}
