package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// killer is a real server of a test.
type killer interface {
	Kill()
	Start()
}

// TestStoreServers: while requests store objects and values in real servers, these are killed and started again, and Vitrine is. No write that was
// acknowledged is lost; requests fail meanwhile, in bounded time, with the interface's error; everything goes on by itself.
func TestStoreServers(t *testing.T) {
	s3 := func(t *testing.T) (killer, string, []string) {
		s := servers.StartS3(t)
		return s, fmt.Sprintf("blobstore: {default: {s3: {endpoint: %q, bucket: %s, accessKey: {env: S3_KEY}, secretKey: {env: S3_SECRET}}}}", "http://"+s.Addr, servers.S3Bucket),
			[]string{"S3_KEY=" + servers.S3Access, "S3_SECRET=" + servers.S3Secret}
	}
	nats := func(kind string) func(t *testing.T) (killer, string, []string) {
		return func(t *testing.T) (killer, string, []string) {
			s := servers.StartNATS(t, "--user", "me", "--pass", "planted-password")
			return s, fmt.Sprintf("%s: {default: {nats: {url: %q, username: me, password: {env: NATS_PASSWORD}}}}", kind, s.URL()), []string{"NATS_PASSWORD=planted-password"}
		}
	}
	const put, get, putKey, getKey = "/blob/put?container=c&name=n%d", "/blob/get?container=c&name=n%d", "/kv/set?key=n%d", "/kv/get?key=n%d"
	t.Run("objects in S3", func(t *testing.T) { testStoreServer(t, s3, put, get, "size 7: written\n") })
	t.Run("objects in NATS", func(t *testing.T) { testStoreServer(t, nats("blobstore"), put, get, "size 7: written\n") })
	t.Run("values in NATS", func(t *testing.T) { testStoreServer(t, nats("keyvalue"), putKey, getKey, "written\n") })
}

// load writes until it is told to stop.
type load struct {
	wg   sync.WaitGroup
	stop atomic.Bool
	next atomic.Int64
	new  chan struct{} // gets one for each write that is acknowledged

	mu      sync.Mutex
	kept    []int64 // acknowledged
	failed  map[string]int
	longest time.Duration
}

// start starts n clients. at is the server at any time: it changes its address when it is started again.
func (l *load) start(n int, at func() *server, put string) {
	l.failed, l.new = map[string]int{}, make(chan struct{}, 1<<20)
	for range n {
		l.wg.Go(func() {
			for !l.stop.Load() {
				i := l.next.Add(1)
				began := time.Now()
				status, text, err := at().get(fmt.Sprintf(put, i), "written")
				l.mu.Lock()
				l.longest = max(l.longest, time.Since(began))
				switch {
				case err == nil && status == 200:
					l.kept = append(l.kept, i)
					l.new <- struct{}{}
				case err == nil:
					l.failed[text]++
				}
				l.mu.Unlock()
				if err != nil || status != 200 {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
}

// more waits for n more writes.
func (l *load) more(n int) {
	for range n {
		<-l.new
	}
}

func testStoreServer(t *testing.T, start func(*testing.T) (killer, string, []string), put, get, want string) {
	store, grants, env := start(t)
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n    - {name: c, source: {file: %q}, grants: {%s}}\n"+
		"  triggers: [{http: {path: /, component: c}}]\n", testref.File(t, "rust-kv-p2"), grants)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[server]
	current.Store(up(t, env, file))
	current.Load().expect(fmt.Sprintf(put, 0), "written", 200, map[bool]string{true: "put c/n0 7 bytes\n", false: "set n0 7 bytes\n"}[strings.HasPrefix(put, "/blob")])
	var l load
	l.start(4, current.Load, put)
	for range 2 {
		l.more(40)
		store.Kill()
		if status, text, err := current.Load().get(fmt.Sprintf(get, 0), ""); err != nil || status == 200 || !strings.Contains(text, "the backend failed") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("while the server is down: %d %q, %v", status, text, err)
		}
		store.Start()
	}
	l.more(40)
	old := current.Load()
	old.kill()
	current.Store(up(t, env, file))
	l.more(40)
	l.stop.Store(true)
	l.wg.Wait()
	for _, i := range l.kept {
		current.Load().expect(fmt.Sprintf(get, i), "", 200, want)
	}
	for _, console := range []string{old.stderr(), current.Load().stderr()} {
		if strings.Contains(console, "planted") {
			t.Errorf("the console has a credential: %.2000s", console)
		}
	}
	t.Logf("%d writes were acknowledged, the store was killed twice and Vitrine once, none is lost; failed were %v; the longest took %v", len(l.kept), l.failed, l.longest)
}
