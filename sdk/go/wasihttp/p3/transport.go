// Package p3 sends requests from inside a component, by wasi:http 0.3: [Transport] is the http.RoundTripper of an http.Client. Package serve, below it,
// has an http.Handler answer the requests that a component gets, and package chain has one hand them on to the next component of a chain.
//
//	client := &http.Client{Transport: p3.Transport{}}
//	response, err := client.Get("https://example.com/")
//
// The host decides which hosts may be reached. A goroutine that waits for the host leaves others running; see package async.
//
// Outside of a component (any GOOS but wasip1) requests fail with [ErrNoHost].
package p3

import (
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/failure"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/message"
)

// ErrNoHost is the error of requests outside of a component.
var ErrNoHost = failure.ErrNoHost

// Error is why a request has failed, as the host says it.
type Error = failure.Error

// Transport sends requests through the host. The request's body is sent while the response is awaited and read, and its trailers after it; those of the response are
// there when its body has been read. A request goes to the host of its URL, which is what its server is told, too: wasi:http has no other Host. The context of a request
// ends both, and so does closing the response's body. The zero Transport is ready, and may be used by several goroutines.
type Transport struct{}

var _ http.RoundTripper = Transport{}

// RoundTrip is http.RoundTripper's. The error of wasi:http is an *Error.
func (Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return message.RoundTrip(r, bindings.ClientSend)
}
