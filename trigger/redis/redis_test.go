package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	broker "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	mqttserver "github.com/vitrine-wasm/vitrine/plugin/mqtt/server"
	redisplugin "github.com/vitrine-wasm/vitrine/plugin/redis"
	"github.com/vitrine-wasm/vitrine/plugin/redis/server"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/trigger/redis"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// buffer is a log. Safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start starts a workload of one guest, which handles a channel; it ends with the test.
func start(t *testing.T, guest string, sub redis.Subscription, grants workload.Grants, log *buffer) error {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	h, err := host.New(host.Config{
		Engine: engine, Plugins: []host.Plugin{
			hostwasi.New(hostwasi.Config{}),
			redisplugin.New().AddType(server.Type(), func(_ context.Context, config any) (redisplugin.Backend, error) {
				return server.New(config.(server.Config))
			}),
			mqtt.New().AddType(mqttserver.Type(), func(_ context.Context, config any) (mqtt.Backend, error) {
				return mqttserver.New(config.(mqttserver.Config))
			}),
		},
		Triggers: []host.Trigger{redis.New(redis.Config{Logger: logger})}, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, failed := h.Start(t.Context(), &workload.Spec{
		Name:       "shop",
		Components: []workload.Component{{Name: "work", Source: workload.Source{File: testref.File(t, guest)}, Grants: grants}},
		Triggers:   []workload.TriggerSpec{{Type: redis.TypeName, Component: "work", Config: sub}},
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, h.Close(context.Background()), engine.Close(context.Background())); err != nil && failed == nil {
			t.Error(err)
		}
	})
	return failed
}

// TestHandlers: a component is called with each message of the channel, by both of Spin's interfaces; one that it does not handle does not come again, and
// those after it come.
func TestHandlers(t *testing.T) {
	s := servers.StartRedis(t)
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	defer client.Close()
	url := "redis://" + s.Addr
	for guest, others := range map[string][]string{
		"rust-spin-redis-p2": {"fail", "trap", "x"},
		"rust-spin-redis-p3": {"fail", "x"}, // calls share its instances, and a trap ends those beside it
	} {
		t.Run(guest, func(t *testing.T) {
			var log buffer
			grants := workload.Grants{Redis: map[string]workload.StoreGrant{"cache": {Type: "redis", Config: server.Config{URL: url}}}}
			if err := start(t, guest, redis.Subscription{Address: url, Channel: "jobs *"}, grants, &log); err != nil {
				t.Fatal(err)
			}
			const n = 50
			for i := range n {
				for _, text := range []string{"count cache " + guest, others[i%len(others)]} {
					if err := client.Publish(t.Context(), "jobs *", text).Err(); err != nil {
						t.Fatal(err)
					}
				}
			}
			await(t, func() bool { return client.Get(t.Context(), guest).Val() == fmt.Sprint(n) }, &log)
		})
	}
}

func await(t *testing.T, ok func() bool, log *buffer) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not come: %s", log)
}

// TestForward: a component of WASI 0.3 handles a message of Redis, and sends another by MQTT.
func TestForward(t *testing.T) {
	s, m := servers.StartRedis(t), servers.StartMQTT(t)
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	defer client.Close()
	b, err := broker.Open(broker.Config{URL: m.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	src, err := b.Listen(t.Context(), broker.Filter{Topic: "out", QoS: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var log buffer
	grants := workload.Grants{MQTT: map[string]workload.StoreGrant{"mqtt://broker": {Type: "mqtt", Config: mqttserver.Config{URL: m.URL()}}}}
	if err := start(t, "rust-spin-redis-p3", redis.Subscription{Address: "redis://" + s.Addr, Channel: "jobs"}, grants, &log); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"forward mqtt://elsewhere out no", "forward mqtt://broker out a text"} {
		if err := client.Publish(t.Context(), "jobs", text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var d messaging.Delivery
	if d, err = src.Next(ctx); err != nil || string(d.Message().Body) != "a text" {
		t.Errorf("%v; %s", err, &log)
	}
}

// TestMistakes: a component that handles no messages of Redis, and a config with a mistake, keep a workload from starting; a server that is away does not.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		guest string
		sub   redis.Subscription
		want  string
	}{
		{"rust-http-p2", redis.Subscription{Address: "redis://127.0.0.1:1", Channel: "x"}, "does not export spin:redis/inbound-redis@3.0.0 or fermyon:spin/inbound-redis"},
		{"rust-spin-redis-p2", redis.Subscription{Address: "redis://me:planted@a", Channel: "x"}, "address: the URL has a password"},
		{"rust-spin-redis-p2", redis.Subscription{Address: "redis://a"}, "channel: want the name"},
		{"rust-spin-redis-p2", redis.Subscription{Address: "redis://a", Channel: "x", Password: workload.Secret{Env: "NOT_SET_ANYWHERE"}}, "NOT_SET_ANYWHERE is not set"},
		{"rust-spin-redis-p2", redis.Subscription{Address: "redis://127.0.0.1:1", Channel: "x"}, ""},
	} {
		var log buffer
		err := start(t, c.guest, c.sub, workload.Grants{}, &log)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "planted")) {
			t.Errorf("%v, wanted %s", err, c.want)
		}
		if err == nil && !strings.Contains(log.String(), "cannot subscribe; going on trying") {
			t.Errorf("the log: %s", &log)
		}
	}
}
