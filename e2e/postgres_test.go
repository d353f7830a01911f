package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// postgresManifest writes a manifest with a component of Spin's SDK, and the password of a server into a file beside it.
func postgresManifest(t *testing.T, server *servers.Postgres, rest string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(server.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - name: a
      source: {file: %[1]q}
%[2]s
  triggers:
    - http: {path: /, component: a}
`, testref.File(t, "rust-spin-pg-p2"), rest)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSpinPostgres: a component of Spin's SDK has the databases that its grants name, by each version of the interface, and by addresses with
// a login of its own; its calls are spans by the conventions; and what it says, stores and logs in with is in no signal.
func TestSpinPostgres(t *testing.T) {
	t.Setenv("PLANTED", "planted-environment")
	server := servers.StartPostgres(t)
	db := server.Database(t)
	server.SQL(t, db, "CREATE USER guest PASSWORD 'planted-guest'; GRANT ALL ON SCHEMA public TO guest")
	file := postgresManifest(t, server, fmt.Sprintf(`      grants:
        postgres:
          default: {postgres: {url: %q, password: {file: password}}}
          %q: {postgres: %[2]q}
          wrong: {postgres: {url: %q, password: {env: PLANTED}}}
      telemetry: {detail: all}`, server.URL(db), "postgres://"+server.Addr, server.URL(db)))
	if code, out, errs := run(t, "", "check", file); code != 0 {
		t.Fatalf("check: %d %s%s", code, out, errs)
	}
	c := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, file)
	s.expect("/v2/execute", "CREATE TABLE visits (who text PRIMARY KEY, n int, at timestamptz)", 200, "0\n")
	for _, v := range []string{"v2", "v3", "v4"} {
		s.expect("/"+v+"/execute", "INSERT INTO visits VALUES ($1, 1, '2024-07-01 12:00Z')\nplanted "+v, 200, "1\n")
	}
	s.expect("/v2/query", "SELECT who, n, at FROM visits WHERE who = $1\nplanted v2", 200,
		`["who DbDataType::Str", "n DbDataType::Int32", "at DbDataType::Other"] [[DbValue::Str("planted v2"), DbValue::Int32(1), DbValue::Unsupported]]`+"\n")
	s.expectPart("/v3/query", "SELECT n, at FROM visits WHERE who = $1\nplanted v3", 200, `DbValue::Datetime((2024, 7, 1, 12, 0, 0, 0))`)
	s.expectPart("/v4/query", "SELECT '{1,NULL}'::int[] AS planted FROM visits WHERE who = $1\nplanted v4", 200, `["planted DbDataType::ArrayInt32"] [[DbValue::ArrayInt32([Some(1), None])]]`+"\n")
	s.expectPart("/v2/execute", "INSERT INTO visits VALUES ('planted v2')", 500, `error PgError(Error::QueryFailed("ERROR: duplicate key value violates unique constraint \"visits_pkey\"\nDETAIL: Key (who)=(planted v2) already exists."))`)
	s.expectPart("/v3/query", "SELECT planted", 500, `error PgError(Error::QueryFailed("ERROR: column \"planted\" does not exist"))`)
	s.expectPart("/v4/execute", "INSERT INTO visits VALUES ('planted v4')", 500, `code: "23505"`)
	s.expectPart("/v4/query", "SELECT $1::int\nplanted", 500, `code: "22P02"`)
	s.expectPart("/v4/transaction", "DELETE FROM visits;SELECT 1/0", 500, `code: "22012"`)
	s.expectPart("/v4/transaction", "UPDATE visits SET n = 2;UPDATE visits SET n = n + 1", 200, "committed\n")
	s.expectPart("/v2/query", "SELECT sum(n)::int FROM visits", 200, "[[DbValue::Int32(9)]]\n")
	// By an address, with the guest's login.
	s.expectPart("/v4/query?db=", "postgres://guest:planted-guest@"+server.Addr+"/"+db+"\nSELECT current_user::text", 200, `[[DbValue::Str("guest")]]`+"\n")
	s.expectPart("/v4/query?db=", "postgres://guest:planted-wrong@"+server.Addr+"/"+db+"\nSELECT 1", 500, `error PgError(Error::ConnectionFailed("the database cannot be reached (SQLSTATE 28P01)"))`)
	s.expectPart("/v3/query?db=wrong", "SELECT 1", 500, `error PgError(Error::ConnectionFailed("the database cannot be reached (SQLSTATE 28P01)"))`)
	s.expectPart("/v2/query?db=none", "SELECT 1", 500, `error PgError(Error::ConnectionFailed("the component may not use this database"))`)
	s.expectPart("/v4/query?db=", "postgres://planted:planted@127.0.0.2:5432/planted\nSELECT 1", 500, `error PgError(Error::ConnectionFailed("the component may not use this database"))`)
	s.waitForConsole(`postgres://127.0.0.2:5432 is not granted; to allow it, add "postgres://127.0.0.2:5432": {postgres: URL} to grants.postgres of component a`)
	s.stop()
	checkDatabaseSpans(t, c, db)
	checkNotPlanted(t, c, s)
	checkHides(t, file)
}

// expectPart compares the status of an answer, and finds a part of its text.
func (s *server) expectPart(path, body string, status int, part string) {
	s.t.Helper()
	if had, text, err := s.get(path, body); had != status || !strings.Contains(text, part) {
		s.t.Errorf("%s: %d %q, %v; wanted %d %q", path, had, text, err, status, part)
	}
}

// checkDatabaseSpans: each call on the database is a CLIENT span with the conventions' attributes.
func checkDatabaseSpans(t *testing.T, c *otlptest.Collector, db string) {
	t.Helper()
	had := map[string]int{}
	for _, x := range c.Spans() {
		if !strings.Contains(x.Name, "postgres") || strings.Contains(x.Name, "drop") {
			continue
		}
		attrs := map[string]string{}
		for _, a := range x.Attributes {
			attrs[a.Key] = a.Value.GetStringValue()
		}
		a := func(key string) string { return attrs[key] }
		had[fmt.Sprintf("%s %s %s", a("db.system.name"), a("db.operation.name"), a("db.response.status_code"))]++
		if x.Kind.String() != "SPAN_KIND_CLIENT" {
			t.Errorf("%s is %s", x.Name, x.Kind)
		}
		if system := a("db.system.name"); system == "postgresql" && a("db.namespace") != db || system == "" && a("db.operation.name") != "open" {
			t.Errorf("%s: %s %s", x.Name, system, a("db.namespace"))
		}
	}
	for _, want := range []string{"postgresql open ", "postgresql query ", "postgresql execute ", "postgresql execute 23505", "postgresql query 42703", " open 28P01", " open "} {
		if had[want] == 0 {
			t.Errorf("no span %q: %v", want, had)
		}
	}
}

// checkHides: what is said of a workload has no secret.
func checkHides(t *testing.T, file string) {
	t.Helper()
	for _, args := range [][]string{{"check", file}, {"inspect", file}, {"up", file, "--write"}} {
		if _, out, errs := run(t, "", args...); strings.Contains(out+errs, planted) {
			t.Errorf("%v: %s%s", args, out, errs)
		}
	}
}

// TestPostgresKilled: while a server is killed and started again under load, requests are answered in bounded time, what was acknowledged
// is stored, and work goes on by itself; so it is when vitrine is killed.
func TestPostgresKilled(t *testing.T) {
	server := servers.StartPostgres(t)
	db := server.Database(t)
	server.SQL(t, db, "CREATE TABLE n (i bigint PRIMARY KEY)")
	file := postgresManifest(t, server, fmt.Sprintf("      grants: {postgres: {default: {postgres: {url: %q, password: {file: password}, connections: 8}}}}", server.URL(db)))
	s := up(t, nil, file)
	l := &inserts{s: s, end: make(chan struct{})}
	for worker := range 4 {
		l.workers.Go(func() { l.run(worker) })
	}
	l.wait(t, 50)
	server.Kill()
	l.waitFailed(t, 20)
	server.Start(t)
	at := time.Now()
	l.wait(t, 50)
	recovered := time.Since(at)
	s.kill()
	close(l.end)
	l.workers.Wait()
	had := map[string]bool{}
	for _, row := range strings.Fields(server.SQL(t, db, "SELECT i FROM n")) {
		had[row] = true
	}
	for _, i := range l.acknowledged {
		if !had[strconv.Itoa(i)] {
			t.Errorf("%d was acknowledged, and is not stored", i)
		}
	}
	t.Logf("%d inserts acknowledged, %d refused, the slowest in %s; 50 more within %s of the server's return", len(l.acknowledged), l.failed.Load(), l.slowest, recovered)
	if l.slowest > 30*time.Second {
		t.Errorf("a request took %s", l.slowest)
	}
}

// inserts are requests that each insert a number of their own.
type inserts struct {
	s       *server
	end     chan struct{}
	workers sync.WaitGroup
	last    atomic.Int64
	failed  atomic.Int64

	mu           sync.Mutex
	acknowledged []int
	slowest      time.Duration
}

func (l *inserts) run(int) {
	for {
		select {
		case <-l.end:
			return
		default:
		}
		i := int(l.last.Add(1))
		at := time.Now()
		status, text, err := l.s.get("/v4/execute", fmt.Sprintf("INSERT INTO n VALUES (%d)", i))
		l.mu.Lock()
		l.slowest = max(l.slowest, time.Since(at))
		if err == nil && status == http.StatusOK && text == "1\n" {
			l.acknowledged = append(l.acknowledged, i)
		} else {
			l.failed.Add(1)
		}
		l.mu.Unlock()
		if err != nil {
			return // vitrine was killed
		}
	}
}

func (l *inserts) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// wait waits for n more that are acknowledged.
func (l *inserts) wait(t *testing.T, n int) {
	t.Helper()
	for until, deadline := l.count()+n, time.Now().Add(time.Minute); l.count() < until; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d are acknowledged, %d refused; %.2000s", l.count(), l.failed.Load(), l.s.stderr())
		}
	}
}

func (l *inserts) waitFailed(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); l.failed.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d were refused", l.failed.Load())
		}
	}
}
