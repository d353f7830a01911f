package main

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

func Example() {
	main()
	// Output:
	// 20 callers have counted to 1000
	// one wanted to count on: deadline
}

// TestIsolation: callers do not see each other's state, the number of instances is bounded, and a closed pool refuses calls.
func TestIsolation(t *testing.T) {
	w, err := newWorkers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			err := w.pool.Run(t.Context(), func(ctx context.Context, instance *component.Instance) error {
				if _, err := instance.Call(ctx, "count", uint64(10)); err != nil {
					return err
				}
				if asked, err := instance.Call(ctx, "asked"); err != nil || asked != uint32(1) {
					t.Errorf("it was asked %v times, %v", asked, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if s := w.pool.Stats(); s.Busy+s.Resetting > 4 || s.Idle > 4 {
				t.Errorf("%+v", s)
			}
		})
	}
	all.Wait()
	if err := w.close(); err != nil {
		t.Error(err)
	}
	if _, err := w.count(t.Context(), 1); !errors.Is(err, cm.ErrStopping) {
		t.Errorf("closed: %v", err)
	}
}
