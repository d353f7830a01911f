package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// kills is how often each test kills something under load.
const kills = 20

// storing writes a manifest of one component that has its store by a grant.
func storing(t *testing.T, grant string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n"+
		"    - {name: c, source: {file: %q}, grants: {keyvalue: {default: %s}}}\n  triggers: [{http: {path: /, component: c}}]\n", testref.File(t, "rust-kv-only-p2"), grant)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// writers set keys, each with its own name as the value, until they are told to end.
type writers struct {
	client *http.Client
	acked  chan struct{} // an element for each acknowledged key, as far as there is room
	end    chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex
	keys    []string // acknowledged
	refused int
	longest time.Duration // that a call has taken
}

// write begins to write, with four writers. Keys begin with round. Where retry is set, a refused key is followed by another; else the writer
// ends, since the server has been killed.
func (w *writers) write(base, round string, retry bool) {
	w.end = make(chan struct{})
	for writer := range 4 {
		w.wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-w.end:
					return
				default:
				}
				key := fmt.Sprintf("%s-%d-%d", round, writer, n)
				switch ok := w.set(base, key); {
				case ok:
				case !retry:
					return
				default:
					time.Sleep(5 * time.Millisecond) // as a client with any sense does
				}
			}
		})
	}
}

func (w *writers) set(base, key string) bool {
	began := time.Now()
	ok := w.acknowledged(base, key)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.longest = max(w.longest, time.Since(began))
	if !ok {
		w.refused++
		return false
	}
	w.keys = append(w.keys, key)
	select {
	case w.acked <- struct{}{}:
	default:
	}
	return true
}

func (w *writers) acknowledged(base, key string) bool {
	resp, err := w.client.Post(base+"/kv/set?key="+key, "text/plain", strings.NewReader(key))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK && strings.HasPrefix(string(text), "set ")
}

// await waits for so many acknowledgements from now on.
func (w *writers) await(t *testing.T, n int) {
	t.Helper()
	for len(w.acked) > 0 {
		<-w.acked
	}
	for range n {
		select {
		case <-w.acked:
		case <-time.After(time.Minute):
			t.Fatalf("nothing is acknowledged for a minute; %d keys have been", len(w.keys))
		}
	}
}

func (w *writers) stop() {
	close(w.end)
	w.wg.Wait()
}

func newWriters(t *testing.T) *writers {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: time.Minute}
	t.Cleanup(client.CloseIdleConnections)
	return &writers{client: client, acked: make(chan struct{}, 10000)}
}

// lost are the acknowledged keys that a server does not have; of the last ones it looks at the values, too.
func (w *writers) lost(s *server) (lost []string) {
	s.t.Helper()
	_, text, err := s.get("/kv/list", "")
	if err != nil {
		s.t.Fatal(err)
	}
	_, list, _ := strings.Cut(strings.TrimSpace(text), ": ")
	there := map[string]bool{}
	for _, key := range strings.Fields(list) {
		there[key] = true
	}
	for _, key := range w.keys {
		if !there[key] {
			lost = append(lost, key)
		}
	}
	for _, key := range w.keys[max(0, len(w.keys)-8):] {
		if _, value, err := s.get("/kv/get?key="+key, ""); err != nil || value != key+"\n" {
			lost = append(lost, key+" is "+value)
		}
	}
	return lost
}

// TestKilledUnderLoad: of what a guest was told to be stored, nothing is missing after vitrine was killed while it stored more.
func TestKilledUnderLoad(t *testing.T) {
	for name, grant := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return "{}" },
		"redis":  func(t *testing.T) string { return fmt.Sprintf("{redis: %q}", "redis://"+servers.StartRedis(t).Addr) },
	} {
		t.Run(name, func(t *testing.T) {
			file := storing(t, grant(t))
			w := newWriters(t)
			began := time.Now()
			for round := range kills {
				s := up(t, nil, file)
				if lost := w.lost(s); len(lost) > 0 {
					t.Fatalf("after %d kills %d of %d acknowledged keys are missing: %.200q", round, len(lost), len(w.keys), lost)
				}
				w.write(s.base, fmt.Sprint(round), false)
				w.await(t, 20+round)
				s.kill()
				w.stop()
			}
			if lost := w.lost(up(t, nil, file)); len(lost) > 0 {
				t.Errorf("%d of %d acknowledged keys are missing: %.200q", len(lost), len(w.keys), lost)
			}
			t.Logf("%d kills of vitrine in %.1f s: %d sets acknowledged, %d under way when it was killed, none missing", kills, time.Since(began).Seconds(), len(w.keys), w.refused)
		})
	}
}

// TestRedisKilledUnderLoad: while the server is away calls fail soon, by the interface's error; when it is there again, they succeed
// without a restart, and nothing that was acknowledged is missing.
func TestRedisKilledUnderLoad(t *testing.T) {
	redis := servers.StartRedis(t)
	s := up(t, nil, storing(t, fmt.Sprintf("{redis: %q}", "redis://"+redis.Addr)))
	w := newWriters(t)
	began := time.Now()
	for round := range 3 {
		w.write(s.base, fmt.Sprint(round), true)
		w.await(t, 50)
		redis.Kill()
		status, text, err := s.get("/kv/set?key=away", "x")
		if status != http.StatusInternalServerError || !strings.Contains(text, "the backend failed") || err != nil {
			t.Errorf("without a server: %d %q, %v", status, text, err)
		}
		redis.Start()
		w.await(t, 50)
		w.stop()
		if lost := w.lost(s); len(lost) > 0 {
			t.Errorf("%d of %d acknowledged keys are missing: %.200q", len(lost), len(w.keys), lost)
		}
		for n := 0; strings.Count(s.stderr(), "a backend is up again") <= round; n++ {
			if n == 6000 {
				t.Fatalf("after %d kills it is not up again: %s", round+1, s.stderr())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for text, want := range map[string]int{
		`a backend is down: calls fail until it is there again" backend="keyvalue redis" for="shop/c default" reason=`: 3, "a backend is up again": 3,
	} {
		if n := strings.Count(s.stderr(), text); n != want {
			t.Errorf("%d lines say %q, wanted %d: %s", n, text, want, s.stderr())
		}
	}
	if w.refused == 0 {
		t.Error("no call was refused")
	}
	if w.longest > 30*time.Second {
		t.Errorf("a call took %s", w.longest)
	}
	t.Logf("3 kills of Redis in %.1f s: %d sets acknowledged, none missing, %d refused, the longest call took %s", time.Since(began).Seconds(), len(w.keys), w.refused, w.longest.Round(time.Millisecond))
}

// TestBackendIsUpWithoutACall: the state of a backend is in the metrics, and it becomes up again though no component calls it.
func TestBackendIsUpWithoutACall(t *testing.T) {
	collector := otlptest.New(t)
	redis := servers.StartRedis(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_METRIC_EXPORT_INTERVAL=100"}, "--admin", "127.0.0.1:0", storing(t, fmt.Sprintf("{redis: %q}", "redis://"+redis.Addr)))
	s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
	states := func() (in map[string]int64) {
		in = map[string]int64{}
		for _, r := range collector.Metrics() {
			for _, scope := range r.ScopeMetrics {
				for _, m := range scope.Metrics {
					if m.Name != "vitrine.backend.state" {
						continue
					}
					for _, p := range m.GetSum().DataPoints {
						attrs := map[string]string{}
						for _, a := range p.Attributes {
							attrs[a.Key] = a.Value.GetStringValue()
						}
						if attrs["vitrine.backend.kind"] == "keyvalue" && attrs["vitrine.backend.grant"] == "default" && attrs["vitrine.backend.name"] == "redis" {
							in[attrs["vitrine.backend.state"]] = p.GetAsInt()
						}
					}
				}
			}
		}
		return in
	}
	await := func(want string) {
		t.Helper()
		for range 3000 {
			if states()[want] == 1 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("it is not %s: %v", want, states())
	}
	await("up")
	redis.Kill()
	if status, _, err := s.get("/kv/get?key=x", ""); status != 500 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	await("connection")
	_, admin, _ := strings.Cut(s.stderr(), "admin on ")
	admin, _, _ = strings.Cut(admin, "\n")
	ready := func(status int, text string) {
		t.Helper()
		resp, err := http.Get(admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != status || string(got) != text+"\n" {
			t.Errorf("/readyz: %d %q, %v", resp.StatusCode, got, err)
		}
	}
	ready(503, "workload shop: keyvalue default of component c is down: connection")
	redis.Start()
	await("up")
	s.waitForConsole("a backend is up again")
	ready(200, "ok")
}

// TestBackendDownFromTheStart: readiness says that a backend is down before any component has called it.
func TestBackendDownFromTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	s := up(t, nil, "--admin", "127.0.0.1:0", storing(t, fmt.Sprintf("{redis: %q}", "redis://"+nobody)))
	s.waitForConsole("admin on ")
	_, admin, _ := strings.Cut(s.stderr(), "admin on ")
	admin, _, _ = strings.Cut(admin, "\n")
	const want = "503 workload shop: keyvalue default of component c is down: connection\n"
	got := ""
	for range 500 {
		resp, err := http.Get(admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got = fmt.Sprintf("%d %s", resp.StatusCode, text); got == want || err != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got != want {
		t.Errorf("/readyz: %q", got)
	}
}
