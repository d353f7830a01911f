package randomp3

import (
	"context"
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi/random"
)

// TestRandom: as many bytes as are asked for, as long as there is room, and never none of some.
func TestRandom(t *testing.T) {
	small := context.WithValue(t.Context(), cm.AccountKey(), cm.NewAccount(10))
	full := cm.NewAccount(1)
	full.Add(1)
	none := context.WithValue(t.Context(), cm.AccountKey(), full)
	for _, get := range []func(context.Context, uint64) ([]byte, error){secure{}.GetRandomBytes, insecure{}.GetInsecureRandomBytes} {
		for _, c := range []struct {
			ctx     context.Context
			n, want uint64
		}{{t.Context(), 0, 0}, {t.Context(), 100, 100}, {t.Context(), 1 << 40, random.MaxBytes}, {small, 100, 10}, {none, 0, 0}} {
			if b, err := get(c.ctx, c.n); uint64(len(b)) != c.want || err != nil {
				t.Errorf("%d: %d, %v", c.n, len(b), err)
			}
		}
		var trap *cm.Trap
		if b, err := get(none, 5); !errors.As(err, &trap) || trap.Code != cm.TrapHostMemory {
			t.Errorf("without room: %d, %v", len(b), err)
		}
	}
	a, _ := secure{}.GetRandomU64(t.Context())
	b, _ := insecure{}.GetInsecureRandomU64(t.Context())
	s, _ := new(seed).GetInsecureSeed(t.Context())
	if a == b || s.F0 == s.F1 {
		t.Error("repeats itself")
	}
}
