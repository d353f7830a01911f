package attribution

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// upstream answers requests that guests send, each after its own time, and keeps the traceparents that came, by path, until they are taken.
type upstream struct {
	addr   string // host and port
	server http.Server

	mu   sync.Mutex
	seen map[string][]string
}

func newUpstream() (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{addr: l.Addr().String(), seen: map[string][]string{}}
	u.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.seen[r.URL.Path] = append(u.seen[r.URL.Path], r.Header.Get("traceparent"))
		u.mu.Unlock()
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/r"))
		select {
		case <-time.After(time.Duration(n*7%23) * time.Millisecond):
		case <-r.Context().Done():
		}
		fmt.Fprintln(w, answer(r.URL.Path))
	})
	go func() { _ = u.server.Serve(l) }()
	return u, nil
}

func answer(path string) string { return "from upstream " + path }

// take gives the traceparents of a path, and forgets them.
func (u *upstream) take(path string) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen[path]
	delete(u.seen, path)
	return seen
}
