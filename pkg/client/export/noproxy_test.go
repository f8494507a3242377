package export_test

import (
	"net/netip"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

func TestForProject(t *testing.T) {
	p := export.Project{Members: []export.Member{{"api", "service"}, {"db", "service"}, {"com", "alias"}, {"registry.corp", "hostname"}}}
	suffix := func(name string) bool { return name == "com" }
	list, left := export.ForProject([]string{"localhost", ".corp", "10.0.0.0/8"}, p, suffix)
	assert.Equal(t, strings.Join(list, ","), "localhost,.corp,10.0.0.0/8,127.0.0.1,::1,api,db")
	assert.Equal(t, len(left), 1)
	assert.Equal(t, left[0].Entry, "com")
	list, _ = export.ForProject([]string{"*"}, p, suffix)
	assert.Equal(t, strings.Join(list, ","), "*")
}

func TestForCluster(t *testing.T) {
	list := export.ForCluster([]string{"registry.corp:5000", ".cluster.local"}, []netip.Prefix{netip.MustParsePrefix("10.244.3.0/16"), netip.MustParsePrefix("fd00::/8")})
	assert.Equal(t, strings.Join(list, ","), "registry.corp:5000,.cluster.local,localhost,127.0.0.1,::1,.svc,10.244.0.0/16,fd00::/8")
}
