package memory

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/messagingtest"
	"github.com/vitrine-wasm/vitrine/tests/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func TestContract(t *testing.T) {
	messagingtest.Run(t, New(0), messagingtest.Options{Fields: true, Requests: true, Durable: true, Apart: true})
}

// TestKept: a durable subscription that nobody reads refuses messages beyond its bound, and takes others when some are done.
func TestKept(t *testing.T) {
	b := New(2)
	bus := b.Bus(messaging.Owner{})
	src, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: "a", Durable: "d"})
	if err != nil {
		t.Fatal(err)
	}
	m := &messaging.Message{Subject: "a"}
	for i, want := range []error{nil, nil, messaging.ErrQuota} {
		if err := bus.Publish(t.Context(), m); !errors.Is(err, want) {
			t.Errorf("%d: %v", i, err)
		}
	}
	d, err := src.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Publish(t.Context(), m); !errors.Is(err, messaging.ErrQuota) {
		t.Errorf("a message that is not done has its place: %v", err)
	}
	for range 2 { // the second one does nothing
		if err := d.Done(context.Background()); err != nil {
			t.Error(err)
		}
	}
	for i, want := range []error{nil, messaging.ErrQuota} {
		if err := bus.Publish(t.Context(), m); !errors.Is(err, want) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: "b", Durable: "d"}); err == nil {
		t.Error("one durable name is of two subjects")
	}
}

// TestNothingIsLeft: an owner without subscriptions takes no memory.
func TestNothingIsLeft(t *testing.T) {
	b := New(0)
	bus := b.Bus(messaging.Owner{Workload: "w"})
	for range 10 {
		if _, err := bus.Request(t.Context(), &messaging.Message{Subject: "nobody"}); !errors.Is(err, messaging.ErrTimeout) {
			t.Error(err)
		}
	}
	if left := b.owned(); len(left) != 0 {
		t.Errorf("%v", left)
	}
}
