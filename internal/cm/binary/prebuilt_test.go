package binary_test

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

func TestDecodePrebuilt(t *testing.T) {
	for _, name := range testref.Guests(t) {
		t.Run(name, func(t *testing.T) {
			c, err := binary.Decode(testref.Guest(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Defs) == 0 {
				t.Error("no definitions")
			}
		})
	}
}
