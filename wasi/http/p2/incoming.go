package httpp2

import (
	"context"
	"net/http"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// incomingRequest is the resource incoming-request.
type incomingRequest struct {
	r        *wasihttp.IncomingRequest
	consumed bool
}

var _ IncomingRequest = (*incomingRequest)(nil)

// HTTPRequest is for observers. Its header may be changed until the guest reads it.
func (r *incomingRequest) HTTPRequest() *http.Request { return r.r.HTTPRequest() }

func (r *incomingRequest) Method(context.Context) (Method, error) { return toMethod(r.r.Method()), nil }

func (r *incomingRequest) PathWithQuery(context.Context) (*string, error) {
	return optional(r.r.PathWithQuery()), nil
}

func (r *incomingRequest) Scheme(context.Context) (*Scheme, error) {
	return toScheme(r.r.Scheme()), nil
}

func (r *incomingRequest) Authority(context.Context) (*string, error) {
	return optional(r.r.Authority()), nil
}

func (r *incomingRequest) Headers(context.Context) (Headers, error) {
	return messageFields(r.r.Headers()), nil
}

func (r *incomingRequest) Consume(context.Context) (IncomingBody, error) {
	if r.consumed {
		return nil, emptyError()
	}
	r.consumed = true
	return &incomingBody{body: r.r.Body()}, nil
}

// Drop discards the body unless the guest has taken it.
func (r *incomingRequest) Drop(context.Context) error {
	if !r.consumed {
		r.r.Close()
	}
	return nil
}

// incomingResponse is the resource incoming-response.
type incomingResponse struct {
	r        *wasihttp.IncomingResponse
	consumed bool
	held     cm.Holding
}

var _ IncomingResponse = (*incomingResponse)(nil)

func (r *incomingResponse) Status(context.Context) (StatusCode, error) {
	return uint16(r.r.Status()), nil
}

func (r *incomingResponse) Headers(context.Context) (Headers, error) {
	return messageFields(r.r.Headers()), nil
}

func (r *incomingResponse) Consume(context.Context) (IncomingBody, error) {
	if r.consumed {
		return nil, emptyError()
	}
	r.consumed = true
	return &incomingBody{body: r.r.Body()}, nil
}

// Drop ends the exchange unless the guest has taken its body.
func (r *incomingResponse) Drop(context.Context) error {
	r.held.Release()
	if !r.consumed {
		r.r.Body().Close() // the interface cannot return the error
	}
	return nil
}

// incomingBody is the resource incoming-body, of a request or of a response.
type incomingBody struct {
	body  *wasihttp.IncomingBody
	taken bool
}

var _ IncomingBody = (*incomingBody)(nil)

func (b *incomingBody) Stream(context.Context) (iop2.InputStream, error) {
	if b.taken {
		return nil, emptyError()
	}
	b.taken = true
	return iop2.NewInputStream(b.body.Stream()), nil
}

// Drop discards the unread rest.
func (b *incomingBody) Drop(context.Context) error {
	b.body.Close() // the interface cannot return the error
	return nil
}

// IncomingBodyFinish implements [Types].
func (types) IncomingBodyFinish(_ context.Context, this IncomingBody) (FutureTrailers, error) {
	b, err := cm.ObjectAs[*incomingBody](IncomingBodyType, this)
	if err != nil {
		return nil, err
	}
	return &futureTrailers{body: b.body}, nil
}

// futureTrailers is the resource future-trailers. The rest of the body is discarded when the guest waits for them.
type futureTrailers struct {
	body  *wasihttp.IncomingBody
	taken bool
}

var _ FutureTrailers = (*futureTrailers)(nil)

func (f *futureTrailers) Subscribe(context.Context) (iop2.Pollable, error) {
	f.body.Finish()
	return iop2.NewPollable(f.body.Done()), nil
}

func (f *futureTrailers) Get(ctx context.Context) (*cm.Result[cm.Result[Trailers, ErrorCode], struct{}], error) {
	f.body.Finish()
	if !f.body.Done().Ready() {
		return nil, nil
	}
	if f.taken {
		return &cm.Result[cm.Result[Trailers, ErrorCode], struct{}]{IsErr: true}, nil
	}
	f.taken = true
	out := &cm.Result[cm.Result[Trailers, ErrorCode], struct{}]{}
	t, err := f.body.Trailers(ctx)
	switch {
	case err != nil:
		out.OK = cm.Result[Trailers, ErrorCode]{IsErr: true, Err: errorCode(err)}
	case t != nil:
		f, err := newFields(ctx, t)
		if err != nil {
			return nil, err
		}
		out.OK.OK = f
	}
	return out, nil
}

// Drop releases the body.
func (f *futureTrailers) Drop(context.Context) error {
	f.body.Close() // the interface cannot return the error
	return nil
}
