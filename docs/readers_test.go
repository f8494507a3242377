package docs

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// readersTable tells which programs are modelled, and where their ways are written down.
func readersTable() string {
	var rows [][]string
	for _, r := range reader.Readers() {
		needs := "nothing"
		if r.Needs != "" {
			needs = code(r.Needs)
		}
		titles := []string{r.Title}
		for _, o := range r.Older {
			titles = append(titles, o.Title)
		}
		rows = append(rows, []string{code(string(r.Name)), strings.Join(titles, "; "), needs, r.Basis})
	}
	return table("reader|versions|needs|follows", rows...)
}

// causesTable tells what the causes of the answers mean.
func causesTable() string {
	var rows [][]string
	for _, c := range reader.Causes() {
		rows = append(rows, []string{code(c[0]), sentence(c[1])})
	}
	return table("cause|what it means", rows...)
}

// form is one way to write an entry, and a host that its author may have meant.
type form struct{ list, url string }

func forms() []form {
	return []form{
		{"example.com", "https://example.com"},
		{"example.com", "https://a.example.com"},
		{"example.com", "https://notexample.com"},
		{"EXAMPLE.com", "https://example.com"},
		{".example.com", "https://a.example.com"},
		{".example.com", "https://example.com"},
		{"*.example.com", "https://a.example.com"},
		{"*.example.com", "https://example.com"},
		{"*example.com", "https://a.example.com"},
		{"example.*", "https://example.com"},
		{"example.com.", "https://example.com"},
		{"example.com", "https://example.com."},
		{"intranet", "https://intranet"},
		{"<local>", "https://intranet"},
		{"example.com:5000", "https://example.com:5000"},
		{"example.com:443", "https://example.com"},
		{".example.com:5000", "https://a.example.com:5000"},
		{"https://example.com", "https://example.com"},
		{"bücher.example", "https://bücher.example"},
		{"xn--bcher-kva.example", "https://bücher.example"},
		{"10.1.2.3", "https://10.1.2.3"},
		{"10.1.2.3:5000", "https://10.1.2.3:5000"},
		{"10.0.0.0/8", "https://10.1.2.3"},
		{"10.*", "https://10.1.2.3"},
		{"10.", "https://10.1.2.3"},
		{"2.3", "https://10.1.2.3"},
		{"10.0.0.0/255.0.0.0", "https://10.1.2.3"},
		{"10.1.0.0-10.1.255.255", "https://10.1.2.3"},
		{"2001:db8::1", "https://[2001:db8::1]"},
		{"[2001:db8::1]", "https://[2001:db8::1]"},
		{"[2001:db8::1]:5000", "https://[2001:db8::1]:5000"},
		{"2001:db8:0:0::1", "https://[2001:db8::1]"},
		{"2001:db8::/32", "https://[2001:db8::1]"},
		{"*", "https://example.com"},
		{"other.net,*", "https://example.com"},
		{"other.net example.com", "https://example.com"},
		{"other.net , example.com", "https://example.com"},
		{"other.net ,example.com", "https://other.net"},
		{"other.net;example.com", "https://example.com"},
		{"", "https://localhost"},
		{"", "https://127.0.0.1"},
		{"", "https://[::1]"},
	}
}

// formsTable asks every reader, and the older ones where they differ.
func formsTable(t *testing.T) string {
	t.Helper()
	header := "entry|asked for"
	for _, r := range reader.Readers() {
		header += "|" + string(r.Name)
	}
	var rows [][]string
	for _, f := range forms() {
		entry := "(none)"
		if f.list != "" {
			entry = code(f.list)
		}
		row := []string{entry, code(f.url)}
		target, err := reader.ParseURL(f.url)
		assert.NilError(t, err)
		env := reader.Env{}
		for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
			env = append(env, reader.Variable{Name: name, Value: "http://proxy.corp:3128"})
		}
		for _, name := range []string{"no_proxy", "NO_PROXY"} {
			env = append(env, reader.Variable{Name: name, Value: precedence.Value(f.list)})
		}
		for _, r := range reader.Readers() {
			cell := routeCell(r.Ask(env, target))
			for _, o := range r.Older {
				if was := routeCell(o.Ask(env, target)); was != cell && !strings.Contains(cell, "(") {
					cell += " (" + o.Title + ": " + was + ")"
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(header, rows...)
}

func routeCell(a reader.Answer) string {
	if a.Route == reader.RouteDirect {
		return "**direct**"
	}
	return string(a.Route)
}
