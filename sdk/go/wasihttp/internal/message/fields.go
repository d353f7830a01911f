package message

import (
	"net/http"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
)

// hopByHop are fields of one connection, which belong to the host, and host, which is the authority.
var hopByHop = []string{"Connection", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// NewFields makes fields of a header, without those that belong to the host.
func NewFields(h http.Header) (bindings.Fields, error) {
	var list []cabi.Tuple2[string, []byte]
	for name, values := range h {
		if slices.Contains(hopByHop, http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, v := range values {
			list = append(list, cabi.Tuple2[string, []byte]{F0: strings.ToLower(name), F1: []byte(v)})
		}
	}
	return bindings.FieldsFromList(list)
}

// HeaderOf reads fields, and drops them.
func HeaderOf(f bindings.Fields) http.Header {
	defer f.Drop()
	h := http.Header{}
	for _, e := range f.Entries() {
		h.Add(e.F0, string(e.F1))
	}
	return h
}
