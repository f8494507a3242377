package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/strict"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// testReport is the JSON of `test`. Everything in it is masked.
type testReport struct {
	Schema  int          `json:"schema"`
	From    string       `json:"from,omitempty"` // the container; "" for this machine
	Failed  int          `json:"failed"`
	Results []testResult `json:"results"`
	Notes   []string     `json:"notes"`
}

// testResult is one endpoint, or one image by the daemon.
type testResult struct {
	Target    string        `json:"target"`
	Argument  string        `json:"argument"`
	Role      registry.Role `json:"role,omitempty"`
	By        string        `json:"by"`        // machine, container or dockerd
	Proxy     string        `json:"proxy"`     // scheme://host:port; "" for a direct connection
	Addresses []string      `json:"addresses"` // of the endpoint's name, for a direct connection
	Address   string        `json:"address,omitempty"`
	Connect   int           `json:"connect,omitempty"` // the proxy's status
	Schemes   []string      `json:"authentication"`    // what a proxy asked for
	Steps     []stepReport  `json:"steps"`
	TLS       *tlsReport    `json:"tls,omitempty"`
	Status    int           `json:"status,omitempty"` // of the endpoint
	Challenge string        `json:"challenge,omitempty"`
	Tries     int           `json:"tries,omitempty"`
	// Milliseconds is the time of it all.
	Milliseconds int64       `json:"milliseconds"`
	Skipped      string      `json:"skipped,omitempty"` // why it was not tested
	OK           bool        `json:"ok"`
	Cause        probe.Cause `json:"cause,omitempty"`
	Message      string      `json:"message,omitempty"`
	Next         string      `json:"next,omitempty"`
}

type stepReport struct {
	Stage        probe.Stage `json:"stage"`
	Milliseconds int64       `json:"milliseconds"`
}

// tlsReport is the certificate chain and where TLS ends.
type tlsReport struct {
	Ends  probe.Ending        `json:"ends"`
	Chain []probe.Certificate `json:"chain"`
	// Strict says what strict programs refuse the chain for, "" when they do not.
	Strict string `json:"strict,omitempty"`
}

func resultOf(target testTarget, v probe.Visited, tries int) testResult {
	shown := *target.url
	shown.RawQuery = "" // a signature of a redirect is nobody's business
	r := testResult{
		Target: shown.String(), Argument: target.argument, Role: target.role, By: "machine", Proxy: v.Via, Addresses: v.Addresses, Address: v.Address, Connect: v.Connect, Schemes: v.Schemes,
		Steps: []stepReport{}, Status: v.Status, Tries: tries, OK: v.Problem == nil,
	}
	r.Challenge, _, _ = strings.Cut(v.Challenge, " ")
	for _, s := range v.Steps {
		r.Steps = append(r.Steps, stepReport{s.Stage, s.Duration.Milliseconds()})
		r.Milliseconds += s.Duration.Milliseconds()
	}
	if len(v.Chain) > 0 {
		r.TLS = &tlsReport{v.Ending, v.Chain, strict.Sentence(v.Presented, nil)}
	}
	if v.Addresses == nil {
		r.Addresses = []string{}
	}
	if v.Schemes == nil {
		r.Schemes = []string{}
	}
	if v.Problem != nil {
		r.Cause, r.Message, r.Next = v.Problem.Cause, v.Problem.Message, v.Problem.Next
	}
	return r
}

// daemonProblem reads what dockerd said about its registry client. Its texts are Go's own errors, wrapped.
func (r *testResult) daemonProblem(text string, v *view) {
	low := strings.ToLower(text)
	r.Message = "dockerd cannot ask for it: " + text
	r.Cause, r.Next = probe.EndpointError, "docker proxy show --effective"
	for _, c := range []struct {
		sign  string
		cause probe.Cause
		next  string
	}{
		{"certificate signed by unknown authority", probe.EndpointAuthority, "have the CA trusted by this machine, then docker proxy restart: dockerd reads the machine's store when it starts"},
		{"proxy authentication required", probe.AuthRequired, "docker proxy set --username USER --password-stdin --restart"},
		{"proxyconnect", probe.Refused, "docker proxy test (from this machine, step by step), docker proxy show --effective"},
		{"no such host", probe.EndpointNoDNS, "docker proxy set --proxy http://HOST:PORT (a name that only the proxy can resolve)"},
		{"connection refused", probe.EndpointRefused, "docker proxy show --effective"},
		{"server gave http response to https client", probe.EndpointPlain, "add the registry to insecure-registries of daemon.json"},
		{"unauthorized", probe.EndpointError, "docker login (the registry is reached, and wants credentials)"},
		{"denied", probe.EndpointError, "docker login (the registry is reached, and wants credentials)"},
		{"not found", probe.EndpointError, "docker manifest inspect (the registry is reached, and does not have the image)"},
		{"manifest unknown", probe.EndpointError, "docker manifest inspect (the registry is reached, and does not have the image)"},
		{"deadline exceeded", probe.EndpointSilent, "docker proxy set --proxy http://HOST:PORT, or docker proxy explain"},
		{"timeout", probe.EndpointSilent, "docker proxy set --proxy http://HOST:PORT, or docker proxy explain"},
		{"forbidden", probe.Forbidden, "ask for the registry to be allowed at the proxy"},
		{"bad gateway", probe.NoTarget, "docker proxy test (from this machine, step by step)"},
		{"service unavailable", probe.NoTarget, "docker proxy test (from this machine, step by step)"},
	} {
		if strings.Contains(low, c.sign) {
			r.Cause, r.Next = c.cause, c.next
			break
		}
	}
	for _, st := range v.obs.Statuses() {
		if st.Pending == "restart" || st.Pending == "daemon-reload" {
			r.Next = "docker proxy restart (the running dockerd does not have the configured settings yet)"
			return
		}
	}
}

// testText prints results for people: what failed last, where the eye is.
func testText(w io.Writer, rep testReport) error {
	if rep.From != "" {
		fmt.Fprintf(w, "From container %s:\n", redact.Terminal(rep.From))
	}
	for _, r := range rep.Results {
		fmt.Fprintf(w, "%s %s%s\n", map[bool]string{true: "ok  ", false: "FAIL"}[r.OK], redact.Terminal(r.Target), r.way())
		if line := r.stepsLine(); line != "" {
			fmt.Fprintf(w, "     %s\n", line)
		}
		if r.TLS != nil {
			fmt.Fprintf(w, "     %s: %s\n", endsAt(r.TLS.Ends.At), r.TLS.Ends.Why)
			if r.TLS.Strict != "" {
				fmt.Fprintf(w, "     %s\n", r.TLS.Strict)
			}
		}
		if r.Skipped != "" {
			fmt.Fprintf(w, "     not tested: %s\n", r.Skipped)
		}
		if !r.OK {
			fmt.Fprintf(w, "     %s\n     next: %s\n", r.Message, r.Next)
		}
	}
	for _, n := range rep.Notes {
		fmt.Fprintf(w, "note: %s\n", redact.Terminal(n))
	}
	if len(rep.Results) > 1 || rep.Failed > 0 {
		fmt.Fprintf(w, "%d tested, %d failed\n", len(rep.Results), rep.Failed)
	}
	return nil
}

func endsAt(at probe.EndingAt) string {
	switch at {
	case probe.AtEndpoint:
		return "TLS ends at the endpoint"
	case probe.OnTheWay:
		return "TLS ends on the way"
	case probe.EndUnknown:
	}
	return "where TLS ends is not known"
}

func (r testResult) way() string {
	var parts []string
	if r.Role != "" {
		parts = append(parts, string(r.Role))
	}
	switch {
	case r.By == "dockerd":
		parts = append(parts, "by dockerd's own registry client")
	case r.Proxy != "":
		parts = append(parts, "through "+r.Proxy)
	default:
		parts = append(parts, "direct")
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (r testResult) stepsLine() string {
	var parts []string
	for _, s := range r.Steps {
		text := fmt.Sprintf("%s %d ms", s.Stage, s.Milliseconds)
		switch {
		case s.Stage == probe.StageConnect && r.Connect != 0:
			text += fmt.Sprintf(" (%d)", r.Connect)
		case s.Stage == probe.StageHTTP && r.Status != 0 && r.Challenge != "":
			text += fmt.Sprintf(" (%d, %s)", r.Status, redact.Terminal(r.Challenge))
		case s.Stage == probe.StageHTTP && r.Status != 0:
			text += fmt.Sprintf(" (%d)", r.Status)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
