package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

const formatKubernetes = "kubernetes"

func kubernetesFormat() exportFormat {
	return exportFormat{
		name:      formatKubernetes,
		container: true,
		several:   true,
		short:     "Print a Secret and patches for Kubernetes",
		long: `Print a Secret with the proxy variables, and for each --service a patch of the Deployment of that name that takes the variables from the Secret; its container has the
same name, or is named as --service DEPLOYMENT/CONTAINER. With -f each may have a proxy and a user of its own, and then a Secret of its own.

NO_PROXY gets loopback, .svc, .cluster.local and the networks of --cluster-cidr, and nothing of this machine's Docker.

With -o the Secret goes into proxy-secret.yaml, readable by you alone, and each patch into a file of its own; the kubectl commands are printed.`,
		example: `  docker proxy export kubernetes --service web --cluster-cidr 10.244.0.0/16,10.96.0.0/12 -o proxy
  docker proxy export kubernetes -f proxy.yaml -o proxy
  docker proxy export kubernetes --service web --off`,
		flags: func(cmd *cobra.Command, o *exportOptions) {
			cmd.Flags().StringSliceVar(&o.clusterCIDRs, "cluster-cidr", nil, "A `NETWORK` of the cluster's pods or services, such as 10.244.0.0/16")
		},
		render:    renderKubernetes,
		renderOff: renderKubernetesOff,
	}
}

func renderKubernetes(_ context.Context, x *exportRun) (exported, error) {
	networks, err := parseNetworks(x.opts.clusterCIDRs)
	if err != nil {
		return exported{}, err
	}
	var workloads []export.Workload
	for i, c := range x.consumers {
		x.consumers[i].Settings.NoProxy = export.ForCluster(c.Settings.NoProxy, networks)
		if c.Name == "" {
			continue
		}
		w, err := export.ParseWorkload(c.Name)
		if err != nil {
			return exported{}, usageErrorf("--service: %w", err)
		}
		workloads = append(workloads, w)
	}
	if err := eachOnce(workloads); err != nil {
		return exported{}, err
	}
	shown, err := x.keys.Kubernetes(x.consumers, workloads, x.opts.reveal)
	if err != nil {
		return exported{}, err
	}
	whole, err := x.keys.Kubernetes(x.consumers, workloads, true)
	if err != nil {
		return exported{}, err
	}
	out := x.patched(workloads, shown.Patches)
	out.text = string(shown.Secrets) + out.text
	out.then = fmt.Sprintf("kubectl apply -f %s\n", x.word(export.SecretFile)) + out.then
	out.files = append(out.files, export.File{Name: export.SecretFile, Data: whole.Secrets, Secret: !x.keys.Empty()})
	if x.hidden() && x.opts.dir == "" {
		out.notes = append(x.undefined(), "Nothing in a cluster replaces ${NAME}: write the Secret with -o.")
	}
	if len(workloads) == 0 {
		out.notes = append(out.notes, "--service NAME adds the patch that gives the variables to the Deployment NAME.")
	}
	if len(networks) == 0 {
		out.notes = append(out.notes, "Addresses of pods and services are not in NO_PROXY, only names: --cluster-cidr names their networks.")
	}
	return out, nil
}

func renderKubernetesOff(_ context.Context, x *exportRun) (exported, error) {
	var workloads []export.Workload
	for _, s := range x.opts.services {
		w, err := export.ParseWorkload(s)
		if err != nil {
			return exported{}, usageErrorf("--service: %w", err)
		}
		workloads = append(workloads, w)
	}
	if len(workloads) == 0 {
		return exported{}, usageErrorf("name the Deployments whose containers are to lose the variables: --service NAME")
	}
	if err := eachOnce(workloads); err != nil {
		return exported{}, err
	}
	patches, err := export.KubernetesOff(workloads)
	if err != nil {
		return exported{}, err
	}
	out := x.patched(workloads, patches)
	out.notes = append(out.notes, "The Secret stays: kubectl delete secret docker-proxy.")
	return out, nil
}

// eachOnce refuses two containers of one Deployment, whose patches would have the same file and the same Secret.
func eachOnce(workloads []export.Workload) error {
	seen := map[string]bool{}
	for _, w := range workloads {
		if seen[w.Name] {
			return usageErrorf("--service: the Deployment %s is given twice; export one container at a time, with -o into different directories", w.Name)
		}
		seen[w.Name] = true
	}
	return nil
}

// patched is the result for patches alone.
func (x *exportRun) patched(workloads []export.Workload, patches [][]byte) exported {
	var out exported
	for i, w := range workloads {
		name := "proxy-" + w.Name + ".patch.yaml"
		out.text += "---\n" + strings.TrimPrefix(string(patches[i]), export.Marker)
		out.files = append(out.files, export.File{Name: name, Data: patches[i]})
		out.then += fmt.Sprintf("kubectl patch deployment %s --patch-file %s\n", w.Name, x.word(name))
	}
	return out
}

// word is the path of a file of -o as a word of a shell.
func (x *exportRun) word(name string) string {
	text, _ := export.Words([]string{x.path(name)})
	return text
}

func parseNetworks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err == nil && p.Bits() == 0 {
			err = errors.New("everything")
		}
		if err != nil {
			return nil, usageErrorf("--cluster-cidr: %q is not a network such as 10.244.0.0/16", text)
		}
		out = append(out, p)
	}
	return out, nil
}
