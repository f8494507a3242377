package engine

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"gotest.tools/v3/assert"
)

// one hands a single connection to a server.
type one struct {
	conn chan net.Conn
	done chan struct{}
	once sync.Once
}

func (l *one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *one) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *one) Addr() net.Addr { return &net.UnixAddr{} }

// buildkit is the /grpc end of a daemon: what each method answers, or that it does not know it.
func buildkit(t *testing.T, answers map[string][][]byte) Engine {
	t.Helper()
	l := &one{conn: make(chan net.Conn, 1), done: make(chan struct{})}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error { //nolint:staticcheck // the one way to serve bytes
		method, _ := grpc.MethodFromServerStream(s)
		messages, ok := answers[method]
		if !ok {
			return status.Error(codes.Unimplemented, "unknown method")
		}
		var request []byte
		if err := s.RecvMsg(&request); err != nil {
			return err
		}
		for _, m := range messages {
			if err := s.SendMsg(&m); err != nil {
				return err
			}
		}
		return nil
	}))
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/grpc") || r.Header.Get("Upgrade") != "h2c" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		hijacker, ok := w.(http.Hijacker)
		if !ok {
			return
		}
		conn, _, err := hijacker.Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"))
		l.conn <- conn
	}))
	t.Cleanup(srv.Close)
	c, err := client.NewClientWithOpts(client.WithHost("tcp://"+strings.TrimPrefix(srv.URL, "http://")), client.WithVersion("1.45"))
	assert.NilError(t, err)
	return New(c)
}

// message encodes fields: numbers as varints, bytes as bytes.
func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int)) //nolint:forcetypeassert // a helper of this file
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v)) //nolint:gosec // small
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
	}
	return b
}

// TestRunningBuilds on booted hosts asks three real BuildKits.
func TestBuilds(t *testing.T) {
	record := message(1, []byte("ref"))
	for _, tt := range []struct {
		name    string
		answers map[string][][]byte
		want    Builds
		err     string
	}{
		{name: "two run, one has ended", answers: map[string][][]byte{listenHistory: {message(2, record), message(1, 0, 2, record), message(1, 1, 2, record)}}, want: Builds{Running: 2, Exact: true}},
		{name: "none", answers: map[string][][]byte{listenHistory: nil}, want: Builds{Exact: true}},
		{name: "no history, cache in use", answers: map[string][][]byte{diskUsage: {message(1, message(1, []byte("a"), 3, 0), 1, message(1, []byte("b"), 3, 1))}}, want: Builds{Running: 1}},
		{name: "no history, cache unused", answers: map[string][][]byte{diskUsage: {message(1, message(1, []byte("a")))}}},
		{name: "something else speaks", answers: map[string][][]byte{listenHistory: {[]byte("\xff\xff")}}, want: Builds{Exact: true}},
		{name: "no BuildKit", err: "asking BuildKit for its cache"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := buildkit(t, tt.answers).Builds(t.Context())
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, got, tt.want)
		})
	}
	_, err := daemon(t, nil).Builds(t.Context())
	assert.ErrorContains(t, err, "asking BuildKit")
}

func TestFateOfContainers(t *testing.T) {
	e := daemon(t, map[string]string{
		"/containers/json":   `[{"Id":"1","Image":"img"},{"Id":"2","Image":"img"}]`,
		"/containers/1/json": `{"Id":"1","Name":"/a","RestartCount":3,"HostConfig":{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":5},"NetworkMode":"container:x","IpcMode":"container:x","PidMode":"container:y"}}`,
		"/containers/2/json": `{"Id":"2","Name":"/t.1","HostConfig":{},"Config":{"Labels":{"com.docker.swarm.task.id":"t1"}}}`,
		"/tasks/t1":          `{"ID":"t1","Spec":{"RestartPolicy":{"Condition":"none"}}}`,
	})
	got, err := e.Containers(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []Container{
		{ID: "1", Name: "a", Image: "img", Restart: "on-failure", MaxRetries: 5, Retries: 3, Joins: []string{"x", "y"}},
		{ID: "2", Name: "t.1", Image: "img", Restart: "no", Task: true, TaskRestart: "none"},
	})
}
