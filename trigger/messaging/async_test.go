package messaging_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	messages "github.com/vitrine-wasm/vitrine/trigger/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// serve runs a workload of one guest, and returns the bus of its messages.
func serve(t *testing.T, guest string, sub messages.Subscription, subjects ...string) messaging.Bus {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broker := memory.New(0)
	brokers := messaging.New(broker)
	h, err := host.New(host.Config{
		Engine: engine, Plugins: []host.Plugin{hostwasi.New(hostwasi.Config{}), brokers},
		Triggers: []host.Trigger{messages.New(messages.Config{Plugin: brokers})}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	grants := map[string]workload.StoreGrant{}
	for _, s := range subjects {
		grants[s] = workload.StoreGrant{}
	}
	if _, err := h.Start(t.Context(), &workload.Spec{
		Name:       "shop",
		Components: []workload.Component{{Name: "work", Source: workload.Source{File: testref.File(t, guest)}, Grants: workload.Grants{Messaging: grants}}},
		Triggers:   []workload.TriggerSpec{{Type: messages.TypeName, Component: "work", Config: sub}},
	}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := errors.Join(h.Close(context.Background()), engine.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return broker.Bus(messaging.Owner{Workload: "shop"})
}

// await is the next message of a subscription.
func await(t *testing.T, src messaging.Source) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := src.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Done(ctx)
	return string(d.Message().Body)
}

// TestAsync: a component of 0.3.0 handles messages whose bodies are streams, and sends such; each case of the interface's error comes where
// it belongs.
func TestAsync(t *testing.T) {
	bus := serve(t, "rust-messages-p3", messages.Subscription{Subject: "in.*", Durable: "w", Attempts: 3, Retry: time.Millisecond, DeadLetter: "dead"}, "in.*", "out", "silent", "dead", "bad")
	listen := func(subject string) messaging.Source {
		src, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: subject})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = src.Close() })
		return src
	}
	out, dead := listen("out"), listen("dead")
	listen("silent") // it answers nothing
	for _, c := range []struct{ subject, body, want string }{
		{"in.a", "forward out a body", "a body"},
		{"in.a", "forward out ", ""},
		{"in.a", "ask in.b out what", "in.b: what"},
		{"in.a", "ask silent out what", "Error::Timeout"},
		{"in.a", "ask other out what", "Error::AccessDenied"},
		{"in.a", "ask a..b out what", "Error::SubjectInvalid"},
	} {
		if err := bus.Publish(t.Context(), &messaging.Message{Subject: c.subject, Body: []byte(c.body)}); err != nil {
			t.Fatal(err)
		}
		if got := await(t, out); got != c.want {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
	for _, body := range []string{"reject x", "retry x", "forward other x"} {
		if err := bus.Publish(t.Context(), &messaging.Message{Subject: "in.a", Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		d, err := dead.Next(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		m := d.Message()
		attempts := map[string]string{"reject x": "1", "retry x": "3", "forward other x": "1"}[body]
		if string(m.Body) != body || m.Header["vitrine-subject"] != "in.a" || m.Header["vitrine-attempts"] != attempts {
			t.Errorf("%s %v, want %s attempts", m.Body, m.Header, attempts)
		}
	}
	for range 20 { // bodies that nobody reads
		if err := bus.Publish(t.Context(), &messaging.Message{Subject: "in.drop", Body: make([]byte, 100_000)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if m, err := bus.Request(ctx, &messaging.Message{Subject: "in.c", Body: []byte("x")}); err != nil || string(m.Body) != "in.c: x" {
		t.Errorf("%+v, %v", m, err)
	}
}
