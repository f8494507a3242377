package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

type unsetOptions struct {
	http, https, no bool
	all             bool
	clientHost      string
	scope           scopeOptions
	apply           applyOptions
}

func newUnsetCommand(a *app) *cobra.Command {
	var o unsetOptions
	cmd := &cobra.Command{
		Use:   "unset [OPTIONS]",
		Short: "Take proxy settings out of the daemon and the client",
		Long: `Take proxy settings out of the daemon and of the client's config.json; without a setting's name, all of them.

Afterwards the settings are not set. An older value that would take effect instead is named and refused, unless --all takes it out as well or --layer says
that only one place is meant.`,
		Example: `  sudo docker proxy unset --restart
  sudo docker proxy unset --no-proxy --only daemon
  sudo docker proxy unset --layer systemd --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUnset(cmd.Context(), a, &o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.http, "http-proxy", false, "Take out the proxy for http")
	f.BoolVar(&o.https, "https-proxy", false, "Take out the proxy for https")
	f.BoolVar(&o.no, "no-proxy", false, "Take out the list of hosts that are reached directly")
	f.BoolVar(&o.all, "all", false, "Take the settings out of every place, and keep what remains from reaching dockerd")
	f.StringVar(&o.clientHost, "client-host", client.DefaultHost, "The `KEY` of config.json's proxies to write: default, the exact endpoint of a daemon, or current for the selected context's")
	addScopeFlags(cmd, &o.scope, "Take them out of this `LAYER` only: daemon.json, systemd, startup, env, or all", "", "daemon.json", "systemd", "startup", "env", daemon.All)
	addApplyFlags(cmd, &o.apply)
	return cmd
}

func (o *unsetOptions) keys() []precedence.Key {
	if !o.http && !o.https && !o.no {
		return precedence.Keys()
	}
	var keys []precedence.Key
	for _, k := range []struct {
		on  bool
		key precedence.Key
	}{{o.http, precedence.HTTPProxy}, {o.https, precedence.HTTPSProxy}, {o.no, precedence.NoProxy}} {
		if k.on {
			keys = append(keys, k.key)
		}
	}
	return keys
}

func runUnset(ctx context.Context, a *app, o *unsetOptions) error {
	if err := o.apply.validate(a); err != nil {
		return err
	}
	if err := o.scope.validate("", "daemon.json", "systemd", "startup", "env", daemon.All); err != nil {
		return err
	}
	if o.all && o.scope.layer != "" && o.scope.layer != daemon.All {
		return usageErrorf("--all and --layer %s exclude each other", o.scope.layer)
	}
	r := request{app: a, opts: o.apply, early: func(j *job) error { return j.refuseEarly(o.scope.daemon()) }, plan: o.plan}
	return r.run(ctx)
}

func (o *unsetOptions) plan(_ context.Context, j *job) (err error) {
	if o.scope.daemon() {
		j.plan, err = daemon.PlanUnset(j.view.obs, daemon.UnsetRequest{Keys: o.keys(), Layer: o.scope.layer, All: o.all}, j.app.history(j.view))
		if err != nil {
			return err
		}
	}
	if o.scope.client() && (o.scope.layer == "" || o.scope.layer == daemon.All) {
		return j.planClient(o.scope.users, j.clientHost(o.clientHost), func(f client.File) (client.Request, []string, error) {
			return o.clientRequest(f.Host), nil, nil
		})
	}
	return nil
}

// clientRequest takes members out of config.json; the client's own ones only when everything goes.
func (o *unsetOptions) clientRequest(host string) client.Request {
	names := map[precedence.Key]string{precedence.HTTPProxy: "httpProxy", precedence.HTTPSProxy: "httpsProxy", precedence.NoProxy: "noProxy"}
	out := map[string]precedence.Value{}
	for _, k := range o.keys() {
		out[names[k]] = ""
	}
	if !o.http && !o.https && !o.no {
		out["ftpProxy"], out["allProxy"] = "", ""
	}
	r := client.Request{Host: host, Values: out, Cause: "it is no longer set"}
	if _, gone := out["noProxy"]; gone {
		r.Rule = new(string)
	}
	return r
}
