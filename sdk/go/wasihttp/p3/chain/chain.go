// Package chain is for components that stand before another one in a chain of wasi:http/handler 0.3: [Next] is the one behind. With package serve a middleware is a
// function of handlers, as elsewhere in Go:
//
//	func init() { serve.Handle(limited(chain.Next{})) }
package chain

import (
	"io"
	"maps"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/chain/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/message"
)

// Next is the next component of the chain: as an http.Handler it passes a request on, with its body and trailers, and writes the response that comes; as an
// http.RoundTripper it gives the response. Where the next component answers with an error, the handler panics with http.ErrAbortHandler unless it can
// answer with status 502.
type Next struct{}

var (
	_ http.Handler      = Next{}
	_ http.RoundTripper = Next{}
)

// RoundTrip is http.RoundTripper's. The error of wasi:http is a *p3.Error.
func (Next) RoundTrip(r *http.Request) (*http.Response, error) {
	return message.RoundTrip(r, bindings.HandlerHandle)
}

// ServeHTTP is http.Handler's.
func (n Next) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := r.Clone(r.Context())
	out.Trailer = r.Trailer // which is complete when the body has been read
	if out.URL.Scheme == "" {
		out.URL.Scheme = "http"
	}
	in, err := n.RoundTrip(out)
	if err != nil {
		http.Error(w, "the next component has no response: "+err.Error(), http.StatusBadGateway)
		return
	}
	defer in.Body.Close()
	maps.Copy(w.Header(), in.Header)
	w.WriteHeader(in.StatusCode)
	if _, err := io.Copy(flushing{w, http.NewResponseController(w)}, in.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range in.Trailer {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

// flushing passes on each part of a body when it comes.
type flushing struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	if err == nil {
		err = f.control.Flush()
	}
	return n, err
}
