package message

import (
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
)

// NewFields makes fields of a header, without those that belong to the host.
func NewFields(h http.Header) (bindings.Fields, error) {
	return bindings.FieldsFromList(head.Fields(h))
}

// HeaderOf reads fields, and drops them.
func HeaderOf(f bindings.Fields) http.Header {
	defer f.Drop()
	return head.Header(f.Entries())
}

// trailerFields makes fields of trailers; nil for none, and for those that the host refuses.
func trailerFields(h http.Header) *bindings.Fields {
	if len(h) == 0 {
		return nil
	}
	fields, err := NewFields(h)
	if err != nil {
		return nil
	}
	return &fields
}
