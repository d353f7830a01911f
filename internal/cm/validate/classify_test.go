package validate

import (
	"errors"
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// TestErrorsKeepTheirSort: an error that is put into another's message still says that it is of a bound or a feature.
func TestErrorsKeepTheirSort(t *testing.T) {
	gc := coreSubtype(coreItem{sort: binary.SortCoreFunc, fn: &coreFunc{other: GC}}, coreItem{sort: binary.SortCoreFunc, fn: &coreFunc{other: GC}})
	for _, c := range []struct {
		name    string
		cause   error
		limit   bool
		feature Feature
	}{
		{"a mismatch", errors.New("no"), false, ""},
		{"too complex", errTooComplex, true, ""},
		{"wrapped", fmt.Errorf("type mismatch: %w", errTooComplex), true, ""},
		{"a bound of the decoder", &binary.Error{Kind: binary.KindLimit}, true, ""},
		{"malformed", &binary.Error{Kind: binary.KindMalformed}, false, ""},
		{"a feature", refuse(3, Memory64, "it"), false, Memory64},
		{"a type of a feature", gc, false, GC},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e *Error
			if err := errorf(7, "import `x`: %s", c.cause); !errors.As(err, &e) || e.Offset != 7 || e.Limit != c.limit || e.Feature != c.feature {
				t.Errorf("%+v", e)
			}
		})
	}
}
