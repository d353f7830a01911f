package validate_test

import (
	"math/rand/v2"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

func TestPrebuiltValid(t *testing.T) {
	for _, name := range testref.Guests(t) {
		t.Run(name, func(t *testing.T) {
			if err := decodeAndValidate(testref.Guest(t, name), validate.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPrebuiltCut cuts real components short. Inside a section that is always an error; between two sections what is
// left is a component of its own by the format, which may be valid: then it must have lost definitions.
func TestPrebuiltCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range testref.Guests(t) {
		t.Run(name, func(t *testing.T) {
			wasm := testref.Guest(t, name)
			whole, err := binary.Decode(wasm)
			if err != nil {
				t.Fatal(err)
			}
			between := map[int]bool{}
			bounds := binary.SectionBoundaries(wasm)
			for _, b := range bounds {
				between[b] = true
			}
			if last := bounds[len(bounds)-1]; last != len(wasm) {
				t.Fatalf("the last boundary is %d, the file has %d bytes", last, len(wasm))
			}
			// All boundaries of small components, an even choice from those of large ones.
			var cuts []int
			for i, step := 0, 1+len(bounds)/40; i < len(bounds); i += step {
				cuts = append(cuts, bounds[i]-1, bounds[i], bounds[i]+1)
			}
			for range 10 {
				cuts = append(cuts, rng.IntN(len(wasm)))
			}
			for _, at := range cuts {
				if at >= len(wasm) {
					continue
				}
				c, err := binary.Decode(wasm[:at])
				if err == nil && !between[at] {
					t.Errorf("cut at %d of %d: no error", at, len(wasm))
				}
				if err != nil {
					continue
				}
				if len(c.Defs)+len(c.Customs) >= len(whole.Defs)+len(whole.Customs) {
					t.Errorf("cut at %d of %d: nothing is lost", at, len(wasm))
				}
				_ = validate.Component(c, validate.Options{}) // must not panic
			}
		})
	}
}
