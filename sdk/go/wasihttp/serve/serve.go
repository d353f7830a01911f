package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	types "github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/message"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/poll"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/serve/internal/bindings"
)

// Handle has h answer the component's requests; nil is http.DefaultServeMux. It is for init functions.
//
// Bodies are streams in both directions: the request's is read as the handler reads it, what the handler writes is passed on by 4 KiB, or when it flushes. A response
// that ends before that has its length as Content-Length, and one without a Content-Type has the one that its first bytes look like, as in package net/http; trailers,
// too, are as there (http.TrailerPrefix, or declared by Trailer). The context of a request ends when the handler returns, and when a write finds that the client is
// gone; as in package net/http it has a value for http.ServerContextKey, which is no *http.Server here. A goroutine that the handler leaves behind runs on while the instance answers the next
// request, if there is one. A handler that panics ends the component's instance, and the host answers in its place, except with http.ErrAbortHandler, which breaks off
// the response. There are no hijackers and no informational responses.
func Handle(h http.Handler) {
	if h == nil {
		h = http.DefaultServeMux
	}
	bindings.ExportIncomingHandler(handler{h})
}

type handler struct{ http.Handler }

// Handle is wasi:http/incoming-handler's.
func (h handler) Handle(in types.IncomingRequest, out types.ResponseOutparam) {
	ctx, cancel := context.WithCancel(context.Background())
	defer poll.Release()
	defer cancel()
	r, err := request(ctx, in)
	if err != nil {
		r = &http.Request{Body: http.NoBody}
		h.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the request's path is none", http.StatusBadRequest)
		})
	}
	answer.Serve(h.Handler, r, host{out, cancel})
}

// host takes the response by the request's outparam.
type host struct {
	out   types.ResponseOutparam
	leave func() // ends the context of the handler
}

// Begin is answer.Host's. A body that cannot be had is one that nobody reads.
func (h host) Begin(status int, header http.Header, _ bool) (answer.Body, error) {
	fields, err := message.NewFields(header)
	if err != nil {
		return nil, fmt.Errorf("the handler's header is refused: %w", err)
	}
	response := types.NewOutgoingResponse(fields)
	if err := response.SetStatusCode(uint16(status)); err != nil {
		response.Drop()
		return nil, errors.New("the handler's status is refused")
	}
	body, err := response.Body()
	if err != nil {
		response.Drop()
		return nil, errors.New("the response has no body")
	}
	w, err := message.NewWriter(context.Background(), body, h.leave)
	if err != nil {
		body.Drop()
		response.Drop()
		return nil, errors.New("the response's body cannot be written")
	}
	types.ResponseOutparamSet(h.out, cabi.Result[types.OutgoingResponse, types.ErrorCode]{OK: response})
	return w, nil
}

// Fail is answer.Host's.
func (h host) Fail(why string) {
	types.ResponseOutparamSet(h.out, cabi.Result[types.OutgoingResponse, types.ErrorCode]{Failed: true, Err: types.ErrorCodeInternalError(&why)})
}

// request makes the request, which it then owns. An error is that of the path.
func request(ctx context.Context, in types.IncomingRequest) (*http.Request, error) {
	target := "/"
	if p := in.PathWithQuery(); p != nil && *p != "" {
		target = *p
	}
	r := &http.Request{
		Method: message.MethodName(in.Method()), Header: message.HeaderOf(in.Headers()), Body: http.NoBody, RequestURI: target,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Trailer: http.Header{},
	}
	r = r.WithContext(ctx)
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")
	if a := in.Authority(); a != nil && *a != "" {
		r.Host = *a
	}
	r.ContentLength = head.Length(r.Header)
	var err error
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		in.Drop()
		return nil, err
	}
	body, err := in.Consume()
	if err != nil {
		in.Drop()
		return r, nil
	}
	reader, err := message.NewReader(ctx, body, in.Drop, func(f types.Fields) {
		for name, values := range message.HeaderOf(f) {
			r.Trailer[name] = values
		}
	})
	switch {
	case err != nil:
	case r.ContentLength <= 0 && reader.Empty():
		r.ContentLength = 0
	default:
		r.Body = reader
	}
	return r, nil
}
