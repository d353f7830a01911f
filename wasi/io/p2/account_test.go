package iop2

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// TestPolledPollables: a list of pollables, which may be one many times, takes room while it is polled.
func TestPolledPollables(t *testing.T) {
	account := cm.NewAccount(1 << 20)
	ctx := context.WithValue(t.Context(), cm.AccountKey(), account)
	p := NewPollable(wasiio.Always())
	if ready, err := (poller{}).Poll(ctx, slices.Repeat([]Pollable{p}, 8000)); err != nil || len(ready) != 8000 {
		t.Errorf("%d are ready, %v", len(ready), err)
	}
	_, err := poller{}.Poll(ctx, slices.Repeat([]Pollable{p}, 9000))
	if trap := (*cm.Trap)(nil); !errors.As(err, &trap) || trap.Code != cm.TrapHostMemory {
		t.Errorf("got %v", err)
	}
	if account.Used() != 0 {
		t.Errorf("behind it the account holds %d", account.Used())
	}
}
