package watch

import (
	"fmt"
	"strings"
)

// UnitName is the service of `ca watch`, and UnitPath where it stands. CertDir holds its certificates: the file somebody named may be in a home or go away.
const (
	UnitName = "docker-proxy-ca-watch.service"
	UnitPath = "/etc/systemd/system/" + UnitName
	CertDir  = "/etc/docker-proxy/ca-watch"
)

// UnitMarker begins a unit that this program wrote.
const UnitMarker = "# Written by docker proxy ca watch --install, which overwrites it.\n"

// Unit describes the service.
type Unit struct {
	Argv        []string // the command, the program's absolute path first
	Environment []string // NAME=VALUE
	StateDir    string   // below /var/lib, of the records
}

// String returns the unit file.
//
// It is not bound to docker.service (no Requires=, BindsTo=, PartOf=): the program itself waits for a daemon that was stopped or restarts, and starts none, as it makes no
// connection while none runs. What it needs of the machine is the containers' files through /proc/PID/root, hence its capabilities; the machine's own files it only reads.
func (u Unit) String() string {
	var b strings.Builder
	b.WriteString(UnitMarker)
	b.WriteString("[Unit]\nDescription=Make containers trust the authority of the proxy as they start\nDocumentation=https://github.com/docker-proxy/docker-proxy/blob/main/docs/ca-persistence.md\nAfter=docker.service\n\n")
	var words []string
	for _, w := range u.Argv {
		words = append(words, unitWord(w, true))
	}
	fmt.Fprintf(&b, "[Service]\nExecStart=%s\n", strings.Join(words, " "))
	for _, e := range u.Environment {
		fmt.Fprintf(&b, "Environment=%s\n", unitWord(e, false))
	}
	fmt.Fprintf(&b, `Restart=on-failure
RestartSec=5
StateDirectory=%s
StateDirectoryMode=0700
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_SYS_PTRACE
UMask=0022

[Install]
WantedBy=multi-user.target
`, u.StateDir)
	return b.String()
}

// unitWord quotes a word as systemd takes it apart again (systemd.service(5), command lines; systemd.syntax(7)): blanks and quotes need quotes, a backslash and a percent sign
// are doubled, and in a command the dollar sign, too.
func unitWord(s string, command bool) string {
	s = strings.NewReplacer(`\`, `\\`, `%`, `%%`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s)
	if command {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	if s == "" || strings.ContainsAny(s, " '\";\\") {
		return `"` + s + `"`
	}
	return s
}
