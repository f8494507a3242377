package systemd

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"
)

// Unit returns what the manager has loaded for a unit, such as docker.service; a name no file exists for has LoadState "not-found". Asking starts nothing.
func (c *Client) Unit(ctx context.Context, name string) (*Unit, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	raw, err := c.conn.GetUnitPropertiesContext(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("asking systemd for %s: %w", name, err)
	}
	p := properties(raw)
	u := &Unit{
		Name: p.text("Id"), LoadState: p.text("LoadState"), ActiveState: p.text("ActiveState"), SubState: p.text("SubState"),
		FragmentPath: p.text("FragmentPath"), DropInPaths: p.list("DropInPaths"), SourcePath: p.text("SourcePath"),
		NeedDaemonReload: p.flag("NeedDaemonReload"), UnitFileState: p.text("UnitFileState"), TriggeredBy: p.list("TriggeredBy"),
		Requires: p.list("Requires"), CanReload: p.flag("CanReload"),
		InvocationID:    hex.EncodeToString(p.bytes("InvocationID")),
		StartLimitBurst: p.number("StartLimitBurst"), StartLimitInterval: time.Duration(p.micros("StartLimitIntervalUSec")) * time.Microsecond,
	}
	if at := p.micros("InactiveExitTimestamp"); at > 0 {
		u.LastStart = time.UnixMicro(at)
	}
	kind := unitKind(name)
	if kind == "" || !u.Found() {
		return u, nil
	}
	raw, err = c.conn.GetUnitTypePropertiesContext(ctx, name, kind)
	if err != nil {
		return nil, fmt.Errorf("asking systemd for %s: %w", name, err)
	}
	u.addTyped(raw)
	return u, nil
}

// Active reports whether a unit runs (active or reloading; one that is starting does not answer yet), by one small question; Unit tells everything. A name no
// file exists for is not active. Asking starts nothing.
func (c *Client) Active(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	p, err := c.conn.GetUnitPropertyContext(ctx, name, "ActiveState")
	if err != nil {
		return false, fmt.Errorf("asking systemd for %s: %w", name, err)
	}
	state, _ := p.Value.Value().(string)
	return state == "active" || state == "reloading", nil
}

func unitKind(name string) string {
	switch {
	case strings.HasSuffix(name, ".service"):
		return "Service"
	case strings.HasSuffix(name, ".socket"):
		return "Socket"
	}
	return ""
}

func (u *Unit) addTyped(p properties) {
	u.MainPID = p.number("MainPID")
	u.NRestarts = p.number("NRestarts")
	u.Result = p.text("Result")
	u.KillMode = p.text("KillMode")
	u.Environment = p.list("Environment")
	u.PassEnvironment = p.list("PassEnvironment")
	u.UnsetEnvironment = p.list("UnsetEnvironment")
	for _, row := range p.rows("EnvironmentFiles") { // a(sb)
		if len(row) == 2 {
			name, _ := row[0].(string)
			optional, _ := row[1].(bool)
			u.EnvironmentFiles = append(u.EnvironmentFiles, EnvironmentFile{Path: name, Optional: optional})
		}
	}
	for _, row := range p.rows("ExecStart") { // a(sasbttttuii): path, argv, …; the first is the daemon, as services with a main process have one
		if len(row) > 1 && u.ExecStart == nil {
			u.ExecStart, _ = row[1].([]string)
		}
	}
	for _, row := range p.rows("Listen") { // a(ss): kind, address
		if len(row) == 2 {
			if where, ok := row[1].(string); ok {
				u.Listen = append(u.Listen, where)
			}
		}
	}
}

// properties is what org.freedesktop.DBus.Properties.GetAll returned. A property that is missing in an old systemd, or has another type, reads as zero.
type properties map[string]any

func (p properties) text(name string) string {
	s, _ := p[name].(string)
	return s
}

func (p properties) flag(name string) bool {
	b, _ := p[name].(bool)
	return b
}

func (p properties) bytes(name string) []byte {
	b, _ := p[name].([]byte)
	return b
}

func (p properties) list(name string) []string {
	l, _ := p[name].([]string)
	return l
}

func (p properties) number(name string) int {
	switch n := p[name].(type) {
	case uint32:
		return int(n)
	case int32:
		return int(n)
	}
	return 0
}

// micros is a number of microseconds: a duration, or a time since 1970. Infinity reads as zero.
func (p properties) micros(name string) int64 {
	n, _ := p[name].(uint64)
	if n > math.MaxInt64/1000 {
		return 0
	}
	return int64(n)
}

func (p properties) rows(name string) [][]any {
	r, _ := p[name].([][]any)
	return r
}
