package httpp3

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// response is the resource response: received by the client, or made by a guest.
type response struct {
	in      *wasihttp.IncomingResponse // nil: a guest has made it
	out     *wasihttp.OutgoingResponse // nil: received and unchanged
	content *content                   // of a guest's response
	held    cm.Holding
}

var _ Response = (*response)(nil)

// ResponseNew implements [Types].
func (t types) ResponseNew(ctx context.Context, headers Headers, contents bytesReader, trailers trailersReader) (cm.Tuple2[Response, resultReader], error) {
	var out cm.Tuple2[Response, resultReader]
	h, held, err := t.head(ctx, headers)
	if err != nil {
		return out, err
	}
	r := &response{out: wasihttp.NewOutgoingResponse(h), held: held}
	r.out.LimitBody(t.limits.Body)
	r.content, out.F1 = newContent(ctx, contents, trailers)
	out.F0 = r
	return out, nil
}

// outgoing returns the response in the form that can be changed and sent.
func (r *response) outgoing() *wasihttp.OutgoingResponse {
	if r.out == nil {
		r.out = r.in.Forward()
	}
	return r.out
}

func (r *response) GetStatusCode(context.Context) (StatusCode, error) {
	if r.out == nil {
		return StatusCode(r.in.Status()), nil
	}
	return StatusCode(r.out.Status()), nil
}

func (r *response) SetStatusCode(_ context.Context, code StatusCode) error {
	return toEmptyError(r.outgoing().SetStatus(int(code)))
}

func (r *response) GetHeaders(context.Context) (Headers, error) {
	if r.in != nil {
		return messageFields(r.in.Headers()), nil
	}
	return messageFields(r.out.Headers()), nil
}

// ResponseConsumeBody implements [Types].
func (types) ResponseConsumeBody(ctx context.Context, this Response, res resultReader) (bodyReader, error) {
	r, err := cm.ObjectAs[*response](ResponseType, this)
	if err != nil {
		return bodyReader{}, err
	}
	r.held.Release()
	if r.in != nil {
		return consume(ctx, r.in.Body(), res)
	}
	return r.content.take(res), nil
}

// Drop ends the body of a response that was neither sent nor consumed.
func (r *response) Drop(context.Context) error {
	r.held.Release()
	if r.in != nil {
		_ = r.in.Body().Close() // the error has no receiver
	} else {
		r.content.drop(errDropped)
	}
	return nil
}
