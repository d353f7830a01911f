package random

import (
	"bytes"
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func TestBytes(t *testing.T) {
	for name, f := range map[string]func(uint64) ([]byte, error){"secure": Bytes, "insecure": InsecureBytes} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []uint64{0, 1, 7, 8, 9, 100_000} {
				a, err := f(n)
				if err != nil || uint64(len(a)) != n {
					t.Fatalf("%d bytes asked, %d got, %v", n, len(a), err)
				}
			}
			a, _ := f(33)
			b, _ := f(33)
			if bytes.Equal(a, b) || bytes.Equal(a, make([]byte, 33)) || bytes.Equal(a[25:], make([]byte, 8)) {
				t.Fatal("not random")
			}
			var trap *cm.Trap
			if _, err := f(MaxBytes + 1); !errors.As(err, &trap) {
				t.Fatalf("too many: %v", err)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	a, b, c, d := Uint64(), Uint64(), InsecureUint64(), InsecureUint64()
	if a == b || c == d {
		t.Fatal("the same number twice")
	}
}
