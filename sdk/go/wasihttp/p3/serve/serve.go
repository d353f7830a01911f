// Package serve has an http.Handler answer the requests that a component gets, by wasi:http/handler 0.3.
//
//	func init() {
//		http.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
//		serve.Handle(nil) // http.DefaultServeMux
//	}
//
//	func main() {} // is not called
//
// One instance answers many requests at once, each on a goroutine of its own; see package async. A component that imports this package exports the
// interface, whether or not it calls Handle.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	types "github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/message"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/serve/internal/bindings"
)

// Handle has h answer the component's requests; nil is http.DefaultServeMux. It is for init functions.
//
// Bodies are streams in both directions: the request's is read as the handler reads it, what the handler writes is passed on by 4 KiB, or when it
// flushes. A response that ends before that has its length as Content-Length, and one without a Content-Type has the one that its first bytes
// look like, as in package net/http; trailers, too, are as there (http.TrailerPrefix, or declared by Trailer). The context of a request ends when the
// handler returns, and when the host cancels the request, as it does when the client is gone. A handler that panics ends the component's instance with all of its requests, and the
// host answers in its place, except with http.ErrAbortHandler, which breaks off the response. There are no hijackers and no informational responses.
func Handle(h http.Handler) {
	if h == nil {
		h = http.DefaultServeMux
	}
	bindings.ExportHandler(handler{h})
}

type handler struct{ http.Handler }

// Handle is wasi:http/handler's. The response goes to the host when its head is there; the handler then goes on.
func (h handler) Handle(ctx context.Context, in types.Request) (types.Response, error) {
	x := &exchange{ctx: ctx, begun: make(chan struct{})}
	async.Go(func() { x.serve(h.Handler, in) })
	<-x.begun
	return x.response, x.err
}

// exchange is a request and its response.
type exchange struct {
	ctx      context.Context
	begun    chan struct{} // closed when the following is known
	response types.Response
	err      error

	leave context.CancelFunc // ends the context of the handler
}

func (x *exchange) serve(h http.Handler, in types.Request) {
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	x.leave = cancel
	r, err := request(ctx, in)
	if err != nil {
		r = &http.Request{Body: http.NoBody}
		h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the request's path is none", http.StatusBadRequest)
		})
	}
	answer.Serve(h, r, x)
}

// Begin is answer.Host's.
func (x *exchange) Begin(status int, header http.Header, bodiless bool) (answer.Body, error) {
	fields, err := message.NewFields(header)
	if err != nil {
		return nil, fmt.Errorf("the handler's header is refused: %w", err)
	}
	var content *async.StreamReader[byte]
	var stream *async.StreamWriter[byte]
	if !bodiless {
		content, stream = types.StreamOfU8.Open()
	}
	trailers, tail := types.FutureOfOptionFieldsOrErrorCode.Open()
	made := types.ResponseNew(fields, content, trailers)
	w := &body{Writer: message.NewWriter(x.ctx, stream, tail), x: x, sent: made.F1}
	if err := made.F0.SetStatusCode(types.StatusCode(status)); err != nil {
		made.F0.Drop()
		w.Abort()
		return nil, errors.New("the handler's status is refused")
	}
	x.response = made.F0
	close(x.begun)
	return w, nil
}

// body is a response's body, whose client may leave.
type body struct {
	*message.Writer
	x    *exchange
	sent *async.FutureReader[cabi.Result[struct{}, types.ErrorCode]] // what becomes of the response; nil once watch reads it
	stop context.CancelFunc                                          // ends that
}

// Flush is answer.Body's. A handler that flushes may go on for long without a write that tells it that the client is gone, so its context does.
func (b *body) Flush() error {
	err := b.Writer.Flush()
	if b.sent != nil {
		b.watch()
	}
	return err
}

func (b *body) watch() {
	var ctx context.Context
	sent := b.sent
	b.sent = nil
	ctx, b.stop = context.WithCancel(b.x.ctx)
	go func() {
		defer sent.Close()
		if how, err := sent.Read(ctx); err == nil && how.Failed {
			b.x.leave()
		}
	}()
}

// Finish is answer.Body's.
func (b *body) Finish(trailers http.Header) error {
	b.unwatch()
	return b.Writer.Finish(trailers)
}

// Abort is answer.Body's.
func (b *body) Abort() {
	b.unwatch()
	b.Writer.Abort()
}

func (b *body) unwatch() {
	if b.stop != nil {
		b.stop()
	}
	b.sent.Close()
}

// Fail is answer.Host's.
func (x *exchange) Fail(why string) {
	x.err = cabi.Fail(types.ErrorCodeInternalError(&why))
	close(x.begun)
}

// request makes the request, which it then owns. An error is that of the path.
func request(ctx context.Context, in types.Request) (*http.Request, error) {
	target := "/"
	if p := in.GetPathWithQuery(); p != nil && *p != "" {
		target = *p
	}
	r := &http.Request{
		Method: message.MethodName(in.GetMethod()), Header: message.HeaderOf(in.GetHeaders()), RequestURI: target,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Trailer: http.Header{},
	}
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")
	if a := in.GetAuthority(); a != nil && *a != "" {
		r.Host = *a
	}
	r.ContentLength = head.Length(r.Header)
	var err error
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		in.Drop()
		return nil, err
	}
	body := message.NewReader(ctx, func(taken *async.FutureReader[message.Outcome]) (*async.StreamReader[byte], *async.FutureReader[message.Trailers]) {
		body := types.RequestConsumeBody(in, taken)
		return body.F0, body.F1
	}, in.Drop, func(h http.Header) {
		for name, values := range h {
			r.Trailer[name] = values
		}
	})
	if r.Body = body; r.ContentLength <= 0 && body.Empty() {
		r.ContentLength, r.Body = 0, http.NoBody
	}
	return r.WithContext(ctx), nil
}
