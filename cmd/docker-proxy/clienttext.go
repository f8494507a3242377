package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// clientsText prints what config.json gives to new containers and builds.
func clientsText(w io.Writer, clients []clientReport) {
	for _, c := range clients {
		if len(c.Settings) == 0 {
			continue
		}
		fmt.Fprintf(w, "\nClient %s (what new containers and builds get, host %q):\n", c.Path, c.Host)
		for _, s := range c.Settings {
			fmt.Fprintf(w, "  %-11s %s\n", s.Key, s.Value)
		}
		for _, n := range clientNotes(c) {
			fmt.Fprintf(w, "  %s\n", n)
		}
	}
}

// clientNotes are what is worth knowing about a record beside its values.
func clientNotes(c clientReport) []string {
	var notes []string
	switch {
	case client.Shared(c.Lookup):
		notes = append(notes, fmt.Sprintf("Docker looks up %q for every ssh context: they share one record", c.Lookup))
	case c.Host == client.DefaultHost && c.Lookup != "":
		notes = append(notes, fmt.Sprintf("a record %q would be this daemon's own", redact.Terminal(c.Lookup)))
	}
	for _, v := range c.Variables {
		if !v.Builds {
			notes = append(notes, "allProxy is for containers only: builds do not get it")
			break
		}
	}
	return notes
}

// staleContainers compares what containers were created with against what new ones would get; nil when there is no daemon to ask or nobody's config.json to compare with.
func (v *view) staleContainers(ctx context.Context, a *app) []client.Stale {
	if v.engine == nil || v.site.Info == nil || len(v.clients) == 0 {
		return nil
	}
	all, err := v.engine.AllContainers(ctx)
	if err != nil {
		v.extra = append(v.extra, precedence.NewFinding("layer-not-readable", nil, "", "containers could not be looked at: %s", a.redactor.Text(err.Error())))
		return nil
	}
	var list []client.Created
	for _, c := range all {
		a.knowSecrets(c.Env)
		list = append(list, created(c))
	}
	return client.FindStale(list, v.clients[0].ForContainers())
}

// containersText prints them: what differs, and the command that makes a container anew.
func containersText(w io.Writer, stale []client.Stale) {
	for i, c := range stale {
		if i == 0 {
			fmt.Fprintln(w, "\nContainers keep what they were created with:")
		}
		fmt.Fprintf(w, "  %s\n", redact.Terminal(c.Name))
		for _, d := range c.Differences {
			fmt.Fprintf(w, "    %-11s %s, a new one gets %s\n", d.Variable, orNothing(d.Has), orNothing(d.New))
		}
		if c.OtherUser {
			fmt.Fprintln(w, "    carries another user name than new ones get")
		}
		if len(c.Credentials) > 0 {
			fmt.Fprintf(w, "    credentials are visible in docker inspect: %s\n", strings.Join(c.Credentials, ", "))
		}
		if len(c.Differences) > 0 || c.OtherUser {
			fmt.Fprintf(w, "    recreate it with: %s\n", redact.Terminal(c.Recreate))
		}
	}
}

func orNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return redact.Terminal(value)
}
