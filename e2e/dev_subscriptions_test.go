//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/tests/servers"
)

// TestDevSwapsSubscriptions: while a workload is replaced again and again, also by one with other settings of its subscriptions, each message of Redis and
// of MQTT is handled once. VITRINE_SWAPS says for how long there is a change every two seconds; without it, there are a few. A password that has changed is
// what the next connection logs in with.
func TestDevSwapsSubscriptions(t *testing.T) {
	redis, broker := servers.StartRedis(t, "--requirepass", "first"), servers.StartMQTT(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".tmp", file); err != nil {
			t.Fatal(err)
		}
	}
	manifest := func(version int) {
		write("vitrine.yaml", fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, version: 1.0.%d}
spec:
  components:
    - {name: count, source: {file: %q}, grants: {redis: {cache: {redis: {url: "redis://%s", password: {file: password}}}}}}
    - {name: work%[1]d, source: {file: %[4]q}}
  triggers:
    - redis: {address: "redis://%[3]s", password: {file: password}, channel: jobs, concurrency: %[6]d, component: count}
    - mqtt: {address: "mqtt://%[5]s", topic: jobs/+, retry: %[6]dms, component: work%[1]d}
`, version, guestPath(t, "rust-spin-redis-p2"), redis.Addr, guestPath(t, "rust-spin-mqtt-p2"), broker.Addr, 10+version))
	}
	write("password", "first")
	manifest(0)
	s := serving(t, "dev", nil, dir)
	client := goredis.NewClient(&goredis.Options{Addr: redis.Addr, Password: "first"})
	defer client.Close()
	b, err := mqtt.Open(mqtt.Config{URL: broker.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	bus := b.Bus(messaging.Owner{})
	sent := 0
	send := func() {
		t.Helper()
		if err := client.Publish(t.Context(), "jobs", "count cache n").Err(); err != nil {
			t.Fatal(err)
		}
		if err := bus.Publish(t.Context(), &messaging.Message{Subject: "jobs.x", Body: []byte("a message")}); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	swaps, pause := 4, 20*time.Millisecond
	if text := os.Getenv("VITRINE_SWAPS"); text != "" {
		longest, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		swaps = int(longest / (2 * time.Second))
	}
	for n := range swaps {
		before := strings.Count(s.stderr(), "ready ")
		next := time.Now().Add(2 * time.Second)
		manifest(n + 1)
		for strings.Count(s.stderr(), "ready ") == before || os.Getenv("VITRINE_SWAPS") != "" && time.Now().Before(next) {
			if send(); time.Since(next) > 2*time.Minute {
				t.Fatalf("it is not replaced: %s", s.stderr())
			}
			time.Sleep(pause)
		}
	}
	counted := func(want int) {
		t.Helper()
		for range 3000 {
			if client.Get(t.Context(), "n").Val() == fmt.Sprint(want) && s.handled("a message") >= want {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond) // and no more
		if got := client.Get(t.Context(), "n").Val(); got != fmt.Sprint(want) || s.handled("a message") != want {
			t.Fatalf("%s messages of Redis and %d of MQTT were handled, %d were sent: %.4000s", got, s.handled("a message"), want, s.stderr())
		}
	}
	counted(sent)
	t.Logf("%d swaps, %d messages of each kind, each was handled once", swaps, sent)

	if err := client.ConfigSet(t.Context(), "requirepass", "second").Err(); err != nil {
		t.Fatal(err)
	}
	write("password", "second")
	before := strings.Count(s.stderr(), "ready ")
	manifest(swaps + 1)
	for end := time.Now().Add(2 * time.Minute); strings.Count(s.stderr(), "ready ") == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not replaced: %s", s.stderr())
		}
	}
	if n, err := client.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result(); err != nil || n != 1 {
		t.Fatalf("%d subscriptions, %v; want 1: they are left behind", n, err)
	}
	for range 3000 {
		if client.PubSubNumSub(t.Context(), "jobs").Val()["jobs"] == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	send()
	counted(sent)
}
