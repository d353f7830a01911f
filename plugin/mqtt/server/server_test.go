package server

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func open(t *testing.T, c Config) *Backend {
	t.Helper()
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func dial(t *testing.T, b *Backend, as mqtt.Login) mqtt.Client {
	t.Helper()
	c, err := b.Open(as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestDown: while the broker is down, a call fails within seconds and says so; when it is there again, calls go on by themselves.
func TestDown(t *testing.T) {
	s := servers.StartMQTT(t)
	c := dial(t, open(t, Config{URL: s.URL()}), mqtt.Login{})
	send := func() error { return c.Send(t.Context(), &mqtt.Message{Topic: "a", QoS: 1}) }
	if err := send(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	for range 3 {
		if err := send(); !errors.Is(err, mqtt.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
	s.Start()
	var err error
	for range 3000 {
		if err = send(); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error(err)
}

// TestLogins: logins have connections of their own, whose number is bounded; one that nobody uses makes room for another. Calls at once share one.
func TestLogins(t *testing.T) {
	s := servers.StartMQTT(t)
	b := open(t, Config{URL: s.URL()})
	var all []mqtt.Client
	for i := range maxLogins {
		all = append(all, dial(t, b, mqtt.Login{Client: strings.Repeat("x", i+1)}))
	}
	if _, err := b.Open(mqtt.Login{Client: "another"}); !errors.Is(err, mqtt.ErrConnections) {
		t.Errorf("%v", err)
	}
	all[5].Close()
	all[5].Close()
	dial(t, b, mqtt.Login{Client: "another"})
	var at sync.WaitGroup
	for i := range 100 {
		at.Go(func() {
			if err := all[i%2].Send(t.Context(), &mqtt.Message{Topic: "a", QoS: i % 3, Payload: []byte("x"), Header: map[string]string{"x": "y"}}); err != nil {
				t.Error(err)
			}
		})
	}
	at.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := all[0].Send(ctx, &mqtt.Message{Topic: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := all[0].Send(t.Context(), &mqtt.Message{Topic: "a"}); err == nil {
		t.Error("a closed backend sends")
	}
	if _, err := b.Open(mqtt.Login{}); err == nil {
		t.Error("a closed backend opens")
	}
}

func TestSecrets(t *testing.T) {
	if _, err := New(Config{URL: "mqtt://a", Password: workload.Secret{Env: "NOT_SET_ANYWHERE"}}); err == nil || !strings.Contains(err.Error(), "NOT_SET_ANYWHERE is not set") {
		t.Errorf("%v", err)
	}
	if _, problem := check(Config{URL: "mqtt://me:planted@a"}); problem == "" || strings.Contains(problem, "planted") {
		t.Error(problem)
	}
}
