package export_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// set is a shorthand for settings with one proxy.
func set(url, noProxy string) export.Settings {
	return export.Settings{HTTPProxy: precedence.Value(url), HTTPSProxy: precedence.Value(url), NoProxy: []string{noProxy}}
}

func clean(t interface {
	Helper()
	Fatalf(string, ...any)
}, s export.Settings) export.Settings {
	t.Helper()
	s, _, err := s.Clean()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

func TestClean(t *testing.T) {
	cases := []struct {
		name, url, noProxy string
		wantURL, wantList  string
		wantErr            string
	}{
		{"as it is", "http://p:1", "a,.b", "http://p:1", "a,.b", ""},
		{"without a scheme", "p:1", "", "http://p:1", "", ""},
		{"credentials are encoded", "http://DOM\\u:p@ß$'\"`#@p:1", "", "http://DOM%5Cu:p%40%C3%9F%24%27%22%60%23@p:1", "", ""},
		{"encoded ones stay", "http://u:p%40%21@p:1", "", "http://u:p%40%21@p:1", "", ""},
		{"a list is trimmed, each entry once", "http://p:1", " a , ,b,a,", "http://p:1", "a,b", ""},
		{"odd entries are carried", "http://p:1", `a b,$c,'d'`, "http://p:1", `a b,$c,'d'`, ""},
		{"nothing", "", "a", "", "", "nothing to export"},
		{"a newline in a URL", "http://p:1\nX=y", "", "", "", "HTTP_PROXY: proxy URL"},
		{"a newline in a list", "http://p:1", "a\nX=y", "", "", "control characters"},
		{"no UTF-8", "http://p:1", "a\xff", "", "", "not UTF-8"},
		{"a URL that is none", "http://u:s3cret@p q:1", "", "", "", "HTTP_PROXY: proxy URL http://xxxxx:xxxxx@"},
		{"credentials in a list", "http://p:1", "http://u:s3cret@h", "", "", `NO_PROXY: entry "http://xxxxx:xxxxx@h"`},
		{"too long", "http://p:1", strings.Repeat("a", 128<<10), "", "", "too long for an environment variable"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := set(c.url, c.noProxy).Clean()
			if c.wantErr != "" {
				assert.Assert(t, cmp.ErrorContains(err, c.wantErr))
				assert.Assert(t, !strings.Contains(err.Error(), "s3cret"))
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, got.HTTPProxy.Reveal(), c.wantURL)
			assert.Equal(t, got.HTTPSProxy.Reveal(), c.wantURL)
			assert.Equal(t, strings.Join(got.NoProxy, ","), c.wantList)
		})
	}
}

func TestLoopback(t *testing.T) {
	for url, want := range map[string]bool{"http://localhost:1": true, "http://127.8.0.1:1": true, "http://[::1]:1": true, "http://p:1": false, "http://10.0.0.1": false} {
		_, _, got := clean(t, set(url, "")).Loopback()
		assert.Equal(t, got, want, url)
	}
}

func TestKeyring(t *testing.T) {
	of := func(name, http, https string) export.Consumer {
		return export.Consumer{Name: name, Settings: clean(t, export.Settings{HTTPProxy: precedence.Value(http), HTTPSProxy: precedence.Value(https)})}
	}
	cases := []struct {
		name      string
		consumers []export.Consumer
		want      string
	}{
		{"none", []export.Consumer{of("", "http://p", "http://p")}, ""},
		{"one", []export.Consumer{of("", "http://u:p@p", "http://u:p@p")}, "PROXY_CREDENTIALS=u:p\n"},
		{"one for all services", []export.Consumer{of("web", "http://u:p@p", "http://u:p@p"), of("api", "http://u:p@q", "")}, "PROXY_CREDENTIALS=u:p\n"},
		{"one for each service", []export.Consumer{of("repo-api", "http://a:1@p", "http://a:1@p"), of("2.x", "http://b:2@p", "http://b:2@p")}, "REPO_API_PROXY_CREDENTIALS=a:1\n_2_X_PROXY_CREDENTIALS=b:2\n"},
		{"one for each setting", []export.Consumer{of("", "http://a:1@p", "http://b:2@p")}, "HTTP_PROXY_CREDENTIALS=a:1\nHTTPS_PROXY_CREDENTIALS=b:2\n"},
		{"names that become the same", []export.Consumer{of("a-b", "http://a:1@p", ""), of("a.b", "http://b:2@p", "")}, "A_B_PROXY_CREDENTIALS=a:1\nA_B_PROXY_CREDENTIALS_2=b:2\n"},
		{"a user alone", []export.Consumer{of("", "http://token@p", "http://token@p")}, "PROXY_CREDENTIALS=token\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := string(export.NewKeyring(c.consumers...).File())
			assert.Assert(t, export.Ours([]byte(file)))
			assert.Equal(t, strings.TrimPrefix(file, export.Marker), c.want)
		})
	}
}

// entry makes one entry of a NO_PROXY list of anything but what Clean refuses.
func entry() *rapid.Generator[string] {
	hostile := rapid.SampledFrom([]string{"$", "$HOME", "${X}", "$$", "'", `"`, "`id`", "#", " #", "\\", "\\n", " ", "*", "?", "~", "!", "{a,b}", "é", "日本", "=", ":", ";", "&", "|", "<", ">", "(", ")", "%", "%40", "\u00a0", "\u2003", "x", "export ", "-e", "[", "]"})
	return rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(hostile, 1, 6).Draw(t, "parts"), "")
		return "x" + text + rapid.SampledFrom([]string{"", "y"}).Draw(t, "end")
	})
}

// password makes anything that ends up in a URL, percent-encoded.
func password() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("aZ09$'\"`#\\ @:/?%&!*;|<>(){}[]~^=+,.-_é日")), 1, 12, -1)
}

// generated makes settings, some with credentials.
func generated() *rapid.Generator[export.Settings] {
	return rapid.Custom(func(t *rapid.T) export.Settings {
		url := func(label string) precedence.Value {
			u := precedence.Value(rapid.SampledFrom([]string{"http://proxy.corp:3128", "https://[2001:db8::1]:3129", "socks5://bücher.example:1080"}).Draw(t, label))
			if rapid.Bool().Draw(t, label+" has credentials") {
				u = precedence.WithCredentials(u, password().Draw(t, label+" user"), password().Draw(t, label+" password"))
			}
			return u
		}
		s := export.Settings{HTTPProxy: url("http"), HTTPSProxy: url("https")}
		if rapid.Bool().Draw(t, "all") {
			s.AllProxy = url("all proxy")
		}
		s.NoProxy = rapid.SliceOfN(entry(), 0, 4).Draw(t, "no proxy")
		return clean(t, s)
	})
}
