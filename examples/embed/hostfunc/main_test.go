package main

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func Example() {
	main()
	// Output:
	// Ada's account is closed with 42
	// Ada has saved 42
}

// TestTrap: an error of a host function ends the call with a trap that wraps it, and the account is closed with the instance.
func TestTrap(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), &out, "Ada", []uint32{math.MaxUint32, 1})
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != cm.TrapHost || !strings.Contains(err.Error(), "cannot hold that much") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "Ada's account is closed") {
		t.Errorf("said %q", out.String())
	}
	if err := run(t.Context(), io.Discard, "", nil); err != nil {
		t.Error(err)
	}
}
