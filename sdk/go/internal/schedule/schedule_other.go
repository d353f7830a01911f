//go:build !wasip1

package schedule

import (
	"math"
	"unsafe"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
)

// Label is the label of this goroutine; nil outside of a component.
func Label() unsafe.Pointer { return nil }

// SetLabel does nothing outside of a component.
func SetLabel(unsafe.Pointer) {}

// NextTimer is when the next timer is due; never outside of a component.
func NextTimer() int64 { return math.MaxInt64 }

// Now is the time; 0 outside of a component.
func Now() int64 { return 0 }

// Settle does nothing outside of a component.
func Settle() {}

// AddressOf is where bytes are: outside of a component, those of a copy.
func AddressOf(b []byte) uint32 { at, _ := cabi.Bytes(b); return at }
