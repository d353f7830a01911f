package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/messagingtest"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func open(t *testing.T, c Config) *Backend {
	t.Helper()
	b, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestContract(t *testing.T) {
	s := servers.StartNATS(t)
	t.Run("core", func(t *testing.T) {
		messagingtest.Run(t, open(t, Config{URL: s.URL()}), messagingtest.Options{Fields: true, Requests: true})
	})
	t.Run("stream", func(t *testing.T) {
		b := open(t, Config{URL: s.URL(), Stream: "ALL"})
		src, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "TestContract-stream.>", Durable: "maker", Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		_ = src.Close()
		messagingtest.Run(t, b, messagingtest.Options{Fields: true, Durable: true})
	})
}

// TestDown: while the server is down, each call fails within seconds and says so; when it is there again, calls and subscriptions go on by
// themselves, and messages of a durable subscription that were accepted before the server was killed come.
func TestDown(t *testing.T) {
	s := servers.StartNATS(t)
	b := open(t, Config{URL: s.URL()})
	stored := open(t, Config{URL: s.URL(), Stream: "S"})
	changes := make(chan error, 10)
	defer b.Notify(func(err error) { changes <- err })()
	src, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	durable, err := stored.Subscribe(t.Context(), messaging.Subscription{Subject: "d", Durable: "d", Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer durable.Close()
	if err := stored.Publish(t.Context(), &messaging.Message{Subject: "d", Body: []byte("accepted")}); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := <-changes; err == nil {
		t.Error("the listener is told of a connection, not of its end")
	}
	for name, f := range map[string]func(context.Context) error{
		"publish": func(ctx context.Context) error { return b.Publish(ctx, &messaging.Message{Subject: "a"}) },
		"request": func(ctx context.Context) error {
			_, err := b.Request(ctx, &messaging.Message{Subject: "a"})
			return err
		},
		"subscribe": func(ctx context.Context) error {
			_, err := b.Subscribe(ctx, messaging.Subscription{Subject: "a"})
			return err
		},
	} {
		if err := f(t.Context()); !errors.Is(err, messaging.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Start()
	if err := <-changes; err != nil {
		t.Errorf("the listener is told again: %v", err)
	}
	for {
		if err := b.Publish(t.Context(), &messaging.Message{Subject: "a", Body: []byte("x")}); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if d, err := src.Next(t.Context()); err != nil || string(d.Message().Body) != "x" {
		t.Errorf("%v", err)
	}
	for {
		again, err := stored.Subscribe(t.Context(), messaging.Subscription{Subject: "d", Durable: "d", Wait: time.Minute})
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		d, err := again.Next(t.Context())
		if err != nil || string(d.Message().Body) != "accepted" {
			t.Errorf("%v", err)
		}
		_ = again.Close()
		break
	}
}

// TestNeverThere: a backend whose server is not there opens at once, and its calls fail and say so.
func TestNeverThere(t *testing.T) {
	b := open(t, Config{URL: "nats://127.0.0.1:1"})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := b.Publish(ctx, &messaging.Message{Subject: "a"}); !errors.Is(err, messaging.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

// TestCredentials: who has no right to the server gets an error, without the password in it.
func TestCredentials(t *testing.T) {
	s := servers.StartNATS(t, "--user", "me", "--pass", "planted-secret")
	for password, want := range map[string]bool{"planted-secret": true, "planted-other": false} {
		t.Setenv("NATS_PASSWORD", password)
		b := open(t, Config{URL: s.URL(), Username: "me", Password: workload.Secret{Env: "NATS_PASSWORD"}})
		err := b.Publish(t.Context(), &messaging.Message{Subject: "a"})
		if (err == nil) != want || err != nil && strings.Contains(fmt.Sprint(err), "planted") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(Config{URL: s.URL(), Token: workload.Secret{Env: "NOT_SET_ANYWHERE"}}); err == nil || !strings.Contains(err.Error(), "NOT_SET_ANYWHERE is not set") {
		t.Errorf("%v", err)
	}
}

// TestLimits: what the server does not take has the interface's error.
func TestLimits(t *testing.T) {
	s := servers.StartNATS(t)
	b := open(t, Config{URL: s.URL()})
	if err := b.Publish(t.Context(), &messaging.Message{Subject: "a", Body: make([]byte, 2<<20)}); !errors.Is(err, messaging.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if _, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "a", Durable: "d"}); err == nil || !strings.Contains(err.Error(), "no stream keeps a") {
		t.Errorf("%v", err)
	}
}

func TestCheck(t *testing.T) {
	for c, want := range map[Config]string{
		{URL: "nats://127.0.0.1:4222"}:                  "",
		{URL: "nats://a:1,tls://b:2", Stream: "ORDERS"}: "",
		{URL: "127.0.0.1:4222"}:                         "url",
		{URL: "redis://a"}:                              "url",
		{URL: "nats://me:planted@a"}:                    "url",
		{URL: "nats://planted@a"}:                       "url",
		{URL: "nats://a", Stream: "a.b"}:                "stream",
	} {
		key, problem := check(c)
		if key != want || strings.Contains(problem, "planted") {
			t.Errorf("%s: %s %s", c.URL, key, problem)
		}
	}
}
