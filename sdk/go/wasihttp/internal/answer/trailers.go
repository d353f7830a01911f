package answer

import (
	"net/http"
	"strings"
)

// declared are the names of the trailers that the handler has announced.
func declared(h http.Header) map[string]bool {
	names := map[string]bool{}
	for _, list := range h["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			names[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return names
}

func hasTrailers(h http.Header) bool {
	for name := range h {
		if name == "Trailer" || strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// withoutTrailers is a header, without what follows the body.
func withoutTrailers(h http.Header) http.Header {
	if !hasTrailers(h) {
		return h
	}
	head, declared := http.Header{}, declared(h)
	for name, values := range h {
		if !declared[name] && !strings.HasPrefix(name, http.TrailerPrefix) {
			head[name] = values
		}
	}
	return head
}

// trailers are what follows the body; nil for nothing.
func trailers(h http.Header) http.Header {
	if !hasTrailers(h) {
		return nil
	}
	tail, declared := http.Header{}, declared(h)
	for name, values := range h {
		if bare, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			tail[http.CanonicalHeaderKey(bare)] = values
		} else if declared[name] {
			tail[name] = values
		}
	}
	if len(tail) == 0 {
		return nil
	}
	return tail
}
