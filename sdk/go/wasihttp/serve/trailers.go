package serve

import (
	"net/http"
	"strings"

	types "github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/message"
)

// declared are the names of the trailers that the handler has announced.
func (w *writer) declared() map[string]bool {
	names := map[string]bool{}
	for _, list := range w.header["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			names[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return names
}

func (w *writer) hasTrailers() bool {
	for name := range w.header {
		if name == "Trailer" || strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// withoutTrailers is the header, without what follows the body.
func (w *writer) withoutTrailers() http.Header {
	if !w.hasTrailers() {
		return w.header
	}
	h, declared := http.Header{}, w.declared()
	for name, values := range w.header {
		if !declared[name] && !strings.HasPrefix(name, http.TrailerPrefix) {
			h[name] = values
		}
	}
	return h
}

// trailers are what follows the body; nil for nothing.
func (w *writer) trailers() *types.Fields {
	if !w.hasTrailers() {
		return nil
	}
	h, declared := http.Header{}, w.declared()
	for name, values := range w.header {
		if bare, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			h[http.CanonicalHeaderKey(bare)] = values
		} else if declared[name] {
			h[name] = values
		}
	}
	if len(h) == 0 {
		return nil
	}
	fields, err := message.NewFields(h)
	if err != nil {
		return nil // a trailer that the host refuses is none, as in package net/http
	}
	return &fields
}
