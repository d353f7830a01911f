package guestprog

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// same runs the program of a tape and compares it with the model.
func same(t testing.TB, tape []byte) {
	t.Helper()
	p := Make(tape)
	h := host(t, p.Guest.Encode())
	defer h.close()
	result, code, err := h.call("run", 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	if code != p.Trap || p.Trap == "" && result != p.Result || !slices.Equal(h.log, p.Log) {
		t.Fatalf("the program\n%s\nlogged %#x, gave %d, %v", p, h.log, result, err)
	}
}

// TestGuestPrograms runs random programs.
func TestGuestPrograms(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		tape := make([]byte, 400)
		for i := range tape {
			tape[i] = byte(r.UintN(256))
		}
		same(t, tape)
	}
}

// FuzzGuestPrograms is TestGuestPrograms for any program.
func FuzzGuestPrograms(f *testing.F) {
	f.Add([]byte{0, 0, 2, 0, 0, 3, 3, 1, 0, 4})
	f.Add([]byte{21, 1, 10, 11, 0, 0, 14, 0, 23, 0})
	f.Fuzz(func(t *testing.T, tape []byte) {
		if len(tape) > 1000 {
			return
		}
		same(t, tape)
	})
}
