// Package head is what heads of requests and responses have in common in all versions of wasi:http.
package head

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
)

// hopByHop are fields of one connection, which belong to the host, and host, which is the authority.
var hopByHop = []string{"Connection", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// Field is a field of wasi:http.
type Field = cabi.Tuple2[string, []byte]

// Fields are those of a header, without those that belong to the host.
func Fields(h http.Header) []Field {
	var list []Field
	for name, values := range h {
		if slices.Contains(hopByHop, http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, v := range values {
			list = append(list, Field{F0: strings.ToLower(name), F1: []byte(v)})
		}
	}
	return list
}

// Header is the reverse of Fields.
func Header(list []Field) http.Header {
	h := http.Header{}
	for _, f := range list {
		h.Add(f.F0, string(f.F1))
	}
	return h
}

// Length is the length of a body as a header has it; -1 without.
func Length(h http.Header) int64 {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		return n
	}
	return -1
}

// Sent is the header of a request that is sent, with the length of its body, where that is known or servers expect one: package net/http's rules.
func Sent(r *http.Request) http.Header {
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Del("Content-Length")
	if r.Body != nil && r.Body != http.NoBody {
		if r.ContentLength > 0 {
			h.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		}
	} else if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		h.Set("Content-Length", "0")
	}
	return h
}
