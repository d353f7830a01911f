package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// redisManifest is a workload of two components of Spin's SDK: shop takes requests and uses Redis, work handles the messages of the channel jobs.
func redisManifest(t *testing.T, addr, password string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	server := fmt.Sprintf("{redis: {url: \"redis://%s\"%s}}", addr, password)
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: shop, source: {file: %q}, grants: {redis: {"redis://cache:6379": %[3]s}}}
    - {name: work, source: {file: %[2]q}, grants: {redis: {"redis://cache:6379": %[3]s}}}
  triggers:
    - http: {path: /, component: shop}
    - redis: {address: "redis://%[4]s"%[5]s, channel: jobs, component: work}
`, testref.File(t, "rust-spin-brokers-p2"), testref.File(t, "rust-spin-redis-p2"), server, addr, password)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// cache is the address by which the components of redisManifest call the server.
const cache = "&address=redis://cache:6379/2"

// TestSpinRedis: a component of Spin's SDK uses Redis within its grants, and another handles the messages of a channel; their calls are spans of the
// conventions, without keys, values and passwords.
func TestSpinRedis(t *testing.T) {
	redis := servers.StartRedis(t, "--requirepass", "planted-password")
	file := redisManifest(t, redis.Addr, ", password: {env: REDIS_PASSWORD}")
	t.Setenv("REDIS_PASSWORD", "planted-password")
	if code, out, errs := run(t, "", "check", file); code != 0 {
		t.Fatalf("check: %d %s%s", code, out, errs)
	}
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50"}, file)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	if status, text, err := s.get("/redis/set?key=planted-key"+cache, "planted-value", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01"); status != 200 || text != "set\n" || err != nil {
		t.Fatalf("%d %q %v", status, text, err)
	}
	s.expect("/redis/get?key=planted-key"+cache, "", 200, "planted-value\n")
	s.expect("/redis/get?key=none"+cache, "", 200, "none\n")
	s.expect("/redis/incr?key=planted-key"+cache, "", 200, "error Error::TypeError\n")
	s.expect("/redis/sadd?key=s"+cache, "a b a", 200, "2\n")
	s.expect("/redis/smembers?key=s"+cache, "", 200, "[\"a\", \"b\"]\n")
	s.expect("/redis/srem?key=s"+cache, "a x", 200, "1\n")
	s.expect("/redis/del?"+cache, "s x", 200, "1\n")
	s.expect("/redis/execute?key=ECHO"+cache, "planted-value", 200, "[RedisResult::Binary([112, 108, 97, 110, 116, 101, 100, 45, 118, 97, 108, 117, 101])]\n")
	s.expect("/redis/execute?key=CONFIG"+cache, "GET planted", 200, "error Error::Other(\"the command CONFIG is refused: it administers the server\")\n")
	s.expect("/redis/get?key=k&address=redis://me:planted-other@elsewhere", "", 200, "error Error::InvalidAddress\n")
	s.waitForConsole(`[shop denied] :: redis://elsewhere:6379 is not granted; to allow it, add "redis://elsewhere:6379": {redis: URL} to grants.redis of component shop`)
	s.expect("/redis/publish?key=jobs"+cache, "count redis://cache:6379/2 n", 200, "sent\n")
	s.eventually("/redis/get?key=n"+cache, "1\n")
	s.expect("/redis/publish?key=jobs"+cache, "fail", 200, "sent\n")
	s.expect("/redis/publish?key=jobs"+cache, "trap", 200, "sent\n")
	s.waitForConsole("handled trap")
	s.expect("/redis/publish?key=jobs"+cache, "count redis://cache:6379/2 n", 200, "sent\n")
	s.eventually("/redis/get?key=n"+cache, "2\n")

	const want = "POST / server(shop internal(fermyon:spin/redis@2.0.0#[static]connection.open internal, fermyon:spin/redis@2.0.0#[method]connection.set internal))"
	had := ""
	handlers := func() (n int) {
		for _, span := range collector.Spans() {
			if span.Name == "process jobs" {
				n++
			}
		}
		return n
	}
	for range 3000 {
		if had = treeOf(collector, trace); had == want && handlers() > 0 { // which may come in another batch
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if had != want {
		t.Errorf("trace\n%s\nwant\n%s", had, want)
	}
	handled := 0
	for _, span := range collector.Spans() {
		attrs := map[string]string{}
		for _, a := range span.Attributes {
			attrs[a.Key] = a.Value.GetStringValue()
		}
		if strings.Contains(span.Name, "[method]connection.") && (attrs["db.system.name"] != "redis" || attrs["db.operation.name"] == "" || attrs["db.namespace"] != "2") {
			t.Errorf("%s: %v", span.Name, attrs)
		}
		if span.Name == "process jobs" {
			if handled++; attrs["messaging.system"] != "redis" || attrs["messaging.destination.name"] != "jobs" || attrs["messaging.operation.type"] != "process" {
				t.Errorf("%v", attrs)
			}
		}
		for key, v := range attrs {
			if strings.Contains(v, "planted") && !strings.HasPrefix(key, "url.") { // what a client asks for is in the URL
				t.Errorf("%s: %s is %s", span.Name, key, v)
			}
		}
	}
	if handled == 0 {
		t.Error("no span of a handler")
	}
	if text := s.stderr(); strings.Contains(text, "planted-password") || strings.Contains(text, "planted-other") || strings.Contains(text, "planted-value") {
		t.Errorf("the console has what only messages have: %s", text)
	}
}

// TestSpinRedisIsKilled: while Redis is away, calls fail soon with the interface's error, and the workload starts without it; when it is there again, what was
// acknowledged is there, and messages come.
func TestSpinRedisIsKilled(t *testing.T) {
	redis := servers.StartRedis(t)
	redis.Kill()
	s := up(t, nil, redisManifest(t, redis.Addr, ""))
	get := "/redis/get?key=n" + cache
	down := "error Error::Other(\"the server cannot be reached\")\n"
	s.expect(get, "", 200, down)
	redis.Start()
	number := func() int {
		_, text, _ := s.get(get, "")
		n, _ := strconv.Atoi(strings.TrimSpace(text)) // "none", or an error: nothing was counted
		return n
	}
	comes := func() {
		t.Helper()
		before := number()
		for range 3000 { // the trigger subscribes again in some seconds; what is published before is lost
			_, _, _ = s.get("/redis/publish?key=jobs"+cache, "count redis://cache:6379/2 n")
			if number() > before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("no message comes; %.2000s", s.stderr())
	}
	comes()
	s.expect("/redis/set?key=kept"+cache, "acknowledged", 200, "set\n")
	redis.Kill()
	began := time.Now()
	s.expect(get, "", 200, down)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a call took %s", took)
	}
	s.waitForConsole("the subscription has ended")
	s.waitForConsole("a backend is down: calls fail until it is there again")
	redis.Start()
	s.eventually("/redis/get?key=kept"+cache, "acknowledged\n")
	comes()
}
