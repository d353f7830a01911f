package wasiio

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/vitrine-wasm/vitrine/cm"
)

func TestPollGivesIndicesOfReady(t *testing.T) {
	var a, b Flag
	b.Set()
	got, err := Poll(t.Context(), []Pollable{&a, &b, Always()})
	if err != nil || !slices.Equal(got, []uint32{1, 2}) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestPollEmptyListTraps(t *testing.T) {
	_, err := Poll(t.Context(), nil)
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != cm.TrapMisuse || trap.Blame() != cm.BlameGuest {
		t.Fatalf("got %v", err)
	}
}

func TestPollSleepsUntilOneOfManyHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flags := make([]Flag, 100)
		ps := make([]Pollable, len(flags))
		for i := range flags {
			ps[i] = &flags[i]
		}
		var got []uint32
		done := make(chan error, 1)
		go func() {
			var err error
			got, err = Poll(t.Context(), ps)
			done <- err
		}()
		synctest.Wait() // durably blocked: it does not spin
		select {
		case err := <-done:
			t.Fatalf("returned early: %v %v", got, err)
		default:
		}
		flags[70].Set()
		if err := <-done; err != nil || !slices.Equal(got, []uint32{70}) {
			t.Fatalf("got %v, %v", got, err)
		}
		for i := range flags {
			if n := len(flags[i].watchers); n != 0 {
				t.Fatalf("flag %d still has %d watchers", i, n)
			}
		}
	})
}

func TestWaitsEndWithTheContextsCause(t *testing.T) {
	cause := errors.New("deadline of the invocation")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	var f Flag
	if _, err := Poll(ctx, []Pollable{&f}); !errors.Is(err, cause) {
		t.Errorf("Poll: %v", err)
	}
	if err := Wait(ctx, &f); !errors.Is(err, cause) {
		t.Errorf("Wait: %v", err)
	}
}
