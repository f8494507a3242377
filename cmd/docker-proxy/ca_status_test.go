package main

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
)

// The exit status over many containers: what needs a person goes before all else, then what is done in part.
func TestCAStatus(t *testing.T) {
	outcome := func(s fleet.State, r install.Result) fleet.Outcome { return fleet.Outcome{State: s, Result: r} }
	done := outcome(fleet.Changed, install.Result{Changed: true})
	unchanged := outcome(fleet.Unchanged, install.Result{})
	skipped := outcome(fleet.Skipped, install.Result{})
	pending := outcome(fleet.Pending, install.Result{Pending: true})
	failed := outcome(fleet.Failed, install.Result{})
	back := outcome(fleet.Failed, install.Result{Restored: true})
	partly := outcome(fleet.Failed, install.Result{Changed: true, Unrestored: []string{"/a: no rm"}})
	broken := outcome(fleet.Failed, install.Result{Changed: true, Broken: true, Unrestored: []string{"/a: full"}})
	for _, tt := range []struct {
		name  string
		check bool
		list  []fleet.Outcome
		want  int
	}{
		{name: "nothing"},
		{name: "all done", list: []fleet.Outcome{done, unchanged, skipped}},
		{name: "pending without --check", list: []fleet.Outcome{pending}},
		{name: "pending", check: true, list: []fleet.Outcome{pending, unchanged}, want: exitPending},
		{name: "failed", list: []fleet.Outcome{failed, failed}, want: exitFailed},
		{name: "failed and back", list: []fleet.Outcome{back}, want: exitRestored},
		{name: "one failed and one is back", list: []fleet.Outcome{failed, back}, want: exitRestored},
		{name: "some failed", list: []fleet.Outcome{done, failed}, want: exitPartly},
		{name: "some failed and are back", list: []fleet.Outcome{done, back}, want: exitPartly},
		{name: "some failed, others needed nothing", list: []fleet.Outcome{unchanged, failed}, want: exitPartly},
		{name: "one removal that left a file", list: []fleet.Outcome{partly}, want: exitPartly},
		{name: "not back", list: []fleet.Outcome{broken}, want: exitUnrestored},
		{name: "one of many not back", list: []fleet.Outcome{done, broken, failed}, want: exitUnrestored},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &caSession{opts: &caOptions{check: tt.check}}
			assert.Equal(t, statusOf(s.status(newCAReport(nil, tt.list))), tt.want)
		})
	}
}

// Containers and the machine in one command.
func TestTogether(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second error
		want          int
		says          string
	}{
		{name: "both done"},
		{name: "one pending", second: silently(exitPending), want: exitPending},
		{name: "the machine is back", second: withStatus(exitRestored, errors.New("no daemon")), want: exitPartly, says: "no daemon"},
		{name: "the machine refused", second: errors.New("not root"), want: exitPartly, says: "not root"},
		{name: "both failed", first: silently(exitFailed), second: errors.New("not root"), want: exitFailed, says: "not root"},
		{name: "both are back", first: silently(exitRestored), second: withStatus(exitRestored, errors.New("no daemon")), want: exitRestored, says: "no daemon"},
		{name: "one refused, one back", first: silently(exitFailed), second: withStatus(exitRestored, errors.New("no daemon")), want: exitRestored, says: "no daemon"},
		{name: "some containers", first: silently(exitPartly), want: exitPartly},
		{name: "the worst", first: silently(exitPartly), second: withStatus(exitUnrestored, errors.New("daemon down")), want: exitUnrestored, says: "daemon down"},
		{name: "interrupted", first: withStatus(exitInterrupted, errors.New("interrupted")), second: errors.New("x"), want: exitInterrupted, says: "interrupted\nx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := together(tt.first, tt.second)
			assert.Equal(t, statusOf(err), tt.want)
			if err != nil {
				assert.Equal(t, failure{err: err}.message(), tt.says)
			}
		})
	}
}
