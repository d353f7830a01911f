package redis

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
	s := servers.StartRedis(t)
	messagingtest.Run(t, open(t, Config{URL: "redis://" + s.Addr}), messagingtest.Options{NoGroups: true})
}

// TestDown: while the server is down, each call fails within seconds and says so, and the subscription ends; when it is there again, calls go on by
// themselves.
func TestDown(t *testing.T) {
	s := servers.StartRedis(t)
	b := open(t, Config{URL: "redis://" + s.Addr})
	src, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s.Kill()
	if _, err := src.Next(t.Context()); !errors.Is(err, messaging.ErrUnavailable) {
		t.Errorf("the subscription ends with %v", err)
	}
	if err := b.Publish(t.Context(), &messaging.Message{Subject: "a"}); !errors.Is(err, messaging.ErrUnavailable) {
		t.Errorf("publish: %v", err)
	}
	if _, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "a"}); !errors.Is(err, messaging.ErrUnavailable) {
		t.Errorf("subscribe: %v", err)
	}
	s.Start()
	again, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := b.Publish(t.Context(), &messaging.Message{Subject: "a", Body: []byte("x")}); err != nil {
		t.Error(err)
	}
	if d, err := again.Next(t.Context()); err != nil || string(d.Message().Body) != "x" {
		t.Errorf("%v", err)
	}
}

// TestChannels: the name of a channel may be any, and no character of it is a wildcard.
func TestChannels(t *testing.T) {
	s := servers.StartRedis(t)
	b := open(t, Config{URL: "redis://" + s.Addr})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, channel := range []string{"a b", "*", "a.*", "", "ä?[x]\\"} {
		src, err := b.Channel(ctx, channel, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"a.b", channel} {
			if err := b.client.Publish(ctx, to, to).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if d, err := src.Next(ctx); err != nil || string(d.Message().Body) != channel || d.Message().Subject != channel {
			t.Errorf("%q: %v", channel, err)
		}
		_ = src.Close()
	}
	src, err := b.Subscribe(ctx, messaging.Subscription{Subject: "x[a]?.*"})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, to := range []string{"xa?.b", "x[a]y.b", "x[a]?.b.c", "x[a]?.b c", "x[a]?.b"} {
		if err := b.client.Publish(ctx, to, to).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := src.Next(ctx); err != nil || d.Message().Subject != "x[a]?.b" {
		t.Errorf("%v", err)
	}
}

// TestCredentials: who has no right to the server gets an error, without the password in it.
func TestCredentials(t *testing.T) {
	s := servers.StartRedis(t, "--requirepass", "planted-secret")
	for password, want := range map[string]bool{"planted-secret": true, "planted-other": false} {
		t.Setenv("REDIS_PASSWORD", password)
		b := open(t, Config{URL: "redis://" + s.Addr, Password: workload.Secret{Env: "REDIS_PASSWORD"}})
		err := b.Publish(t.Context(), &messaging.Message{Subject: "a"})
		if (err == nil) != want || err != nil && strings.Contains(fmt.Sprint(err), "planted") {
			t.Errorf("%v", err)
		}
		src, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: "a"})
		if (err == nil) != want || err != nil && strings.Contains(fmt.Sprint(err), "planted") {
			t.Errorf("%v", err)
		}
		if err == nil {
			_ = src.Close()
		}
	}
	if _, err := Open(Config{URL: "redis://" + s.Addr, Password: workload.Secret{Env: "NOT_SET_ANYWHERE"}}); err == nil || !strings.Contains(err.Error(), "NOT_SET_ANYWHERE is not set") {
		t.Errorf("%v", err)
	}
}

func TestCheck(t *testing.T) {
	for url, want := range map[string]string{
		"redis://127.0.0.1:6379":     "",
		"rediss://a:1/3":             "",
		"unix:///run/redis.sock":     "",
		"127.0.0.1:6379":             "url",
		"nats://a":                   "url",
		"redis://me:planted@a":       "url",
		"redis://me:planted\x00@a:1": "url",
	} {
		key, problem := check(Config{URL: url})
		if key != want || strings.Contains(problem, "planted") {
			t.Errorf("%s: %s %s", url, key, problem)
		}
	}
}
