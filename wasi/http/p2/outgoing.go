package httpp2

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// outgoingRequest is the resource outgoing-request.
type outgoingRequest struct {
	r     *wasihttp.OutgoingRequest
	taken bool               // the body
	sent  *wasihttp.Exchange // nil before the request is sent
	held  cm.Holding
}

var _ OutgoingRequest = (*outgoingRequest)(nil)

// OutgoingMethod, OutgoingURL and OutgoingHeader are for observers. The header may be changed until the request is sent.
func (r *outgoingRequest) OutgoingMethod() string { return r.r.Method() }

// OutgoingURL is never nil.
func (r *outgoingRequest) OutgoingURL() *url.URL { return r.r.URL() }

// OutgoingHeader is the same map at each call.
func (r *outgoingRequest) OutgoingHeader() http.Header { return r.r.Header() }

// OutgoingTrailers are the trailers of the answer, once that has come to its end.
func (r *outgoingRequest) OutgoingTrailers() http.Header {
	if r.sent == nil {
		return nil
	}
	return r.sent.Trailers()
}

// OutgoingTimes are those of an exchange that has ended: until the response's head, until its last byte, and the part of it in
// which the guest's back-pressure stopped the body.
func (r *outgoingRequest) OutgoingTimes() (head, total, stalled time.Duration) {
	if r.sent == nil {
		return 0, 0, 0
	}
	t := r.sent.Times()
	return t.Head, t.Total, t.Stalled
}

// NewOutgoingRequest implements [Types].
func (t types) NewOutgoingRequest(ctx context.Context, headers Headers) (OutgoingRequest, error) {
	h, held, err := t.head(ctx, headers)
	if err != nil {
		return nil, err
	}
	r := wasihttp.NewOutgoingRequest(h)
	r.LimitBody(t.limits.Body)
	return &outgoingRequest{r: r, held: held}, nil
}

// head moves the headers and their charge into a new message.
func (t types) head(ctx context.Context, headers Headers) (*wasihttp.Fields, cm.Holding, error) {
	h, err := cm.ObjectAs[fields](FieldsType, headers)
	if err != nil {
		return nil, cm.Holding{}, err
	}
	f, held, err := h.Head(ctx, t.limits)
	if err != nil {
		return nil, held, headerError(err)
	}
	return f, held, nil
}

func (r *outgoingRequest) Body(context.Context) (OutgoingBody, error) {
	if r.taken {
		return nil, emptyError()
	}
	r.taken = true
	return &outgoingBody{body: r.r.Body()}, nil
}

func (r *outgoingRequest) Method(context.Context) (Method, error) { return toMethod(r.r.Method()), nil }

func (r *outgoingRequest) SetMethod(ctx context.Context, m Method) error {
	return r.set(ctx, r.r.Method(), fromMethod(m), r.r.SetMethod)
}

// set changes a string of the request.
func (r *outgoingRequest) set(ctx context.Context, from, to string, set func(string) error) error {
	return toEmptyError(wasihttp.SetCharged(ctx, &r.held, from, to, set))
}

func (r *outgoingRequest) PathWithQuery(context.Context) (*string, error) {
	return optional(r.r.PathWithQuery()), nil
}

func (r *outgoingRequest) SetPathWithQuery(ctx context.Context, s *string) error {
	if s == nil {
		s = new(string)
	}
	return r.set(ctx, r.r.PathWithQuery(), *s, r.r.SetPathWithQuery)
}

func (r *outgoingRequest) Scheme(context.Context) (*Scheme, error) {
	return toScheme(r.r.Scheme()), nil
}

func (r *outgoingRequest) SetScheme(ctx context.Context, s *Scheme) error {
	name, ok := fromScheme(s)
	if !ok {
		return emptyError()
	}
	return r.set(ctx, r.r.Scheme(), name, r.r.SetScheme)
}

func (r *outgoingRequest) Authority(context.Context) (*string, error) {
	return optional(r.r.Authority()), nil
}

func (r *outgoingRequest) SetAuthority(ctx context.Context, s *string) error {
	if s == nil {
		s = new(string)
	} else if *s == "" {
		return emptyError()
	}
	return r.set(ctx, r.r.Authority(), *s, r.r.SetAuthority)
}

func (r *outgoingRequest) Headers(context.Context) (Headers, error) {
	return messageFields(r.r.Headers()), nil
}

// Drop ends the body of a request that has not been sent.
func (r *outgoingRequest) Drop(context.Context) error {
	r.held.Release()
	if r.r.HasBody() {
		r.r.Body().Close()
	}
	return nil
}

// requestOptions is the resource request-options.
type requestOptions struct{ wasihttp.Options }

var _ RequestOptions = (*requestOptions)(nil)

// NewRequestOptions implements [Types].
func (types) NewRequestOptions(context.Context) (RequestOptions, error) {
	return &requestOptions{}, nil
}

func toDuration(d *time.Duration) (*clocksp2.Duration, error) {
	if d == nil {
		return nil, nil
	}
	ns := clocksp2.Duration(*d)
	return &ns, nil
}

func fromDuration(ns *clocksp2.Duration) *time.Duration {
	if ns == nil {
		return nil
	}
	d := time.Duration(min(*ns, math.MaxInt64))
	return &d
}

func (o *requestOptions) ConnectTimeout(context.Context) (*clocksp2.Duration, error) {
	return toDuration(o.Connect)
}

func (o *requestOptions) SetConnectTimeout(_ context.Context, d *clocksp2.Duration) error {
	o.Connect = fromDuration(d)
	return nil
}

func (o *requestOptions) FirstByteTimeout(context.Context) (*clocksp2.Duration, error) {
	return toDuration(o.FirstByte)
}

func (o *requestOptions) SetFirstByteTimeout(_ context.Context, d *clocksp2.Duration) error {
	o.FirstByte = fromDuration(d)
	return nil
}

func (o *requestOptions) BetweenBytesTimeout(context.Context) (*clocksp2.Duration, error) {
	return toDuration(o.BetweenBytes)
}

func (o *requestOptions) SetBetweenBytesTimeout(_ context.Context, d *clocksp2.Duration) error {
	o.BetweenBytes = fromDuration(d)
	return nil
}

// outgoingResponse is the resource outgoing-response.
type outgoingResponse struct {
	r     wasihttp.OutgoingResponse
	taken bool // the body
	held  cm.Holding
}

var _ OutgoingResponse = (*outgoingResponse)(nil)

// NewOutgoingResponse implements [Types].
func (t types) NewOutgoingResponse(ctx context.Context, headers Headers) (OutgoingResponse, error) {
	h, held, err := t.head(ctx, headers)
	if err != nil {
		return nil, err
	}
	r := &outgoingResponse{held: held}
	r.r.Init(h)
	r.r.LimitBody(t.limits.Body)
	return r, nil
}

func (r *outgoingResponse) StatusCode(context.Context) (StatusCode, error) {
	return uint16(r.r.Status()), nil
}

func (r *outgoingResponse) SetStatusCode(_ context.Context, code StatusCode) error {
	return toEmptyError(r.r.SetStatus(int(code)))
}

func (r *outgoingResponse) Headers(context.Context) (Headers, error) {
	return messageFields(r.r.Headers()), nil
}

func (r *outgoingResponse) Body(context.Context) (OutgoingBody, error) {
	if r.taken {
		return nil, emptyError()
	}
	r.taken = true
	return &outgoingBody{body: r.r.Body()}, nil
}

// Drop ends the body of a response that has not been sent.
func (r *outgoingResponse) Drop(context.Context) error {
	r.held.Release()
	if r.r.HasBody() {
		r.r.Body().Close()
	}
	return nil
}

// outgoingBody is the resource outgoing-body, of a request or of a response.
type outgoingBody struct {
	body  *wasihttp.OutgoingBody
	taken bool
}

var _ OutgoingBody = (*outgoingBody)(nil)

func (b *outgoingBody) Write(context.Context) (iop2.OutputStream, error) {
	if b.taken {
		return nil, emptyError()
	}
	b.taken = true
	return iop2.NewOutputStream(b.body.Stream()), nil
}

// Drop aborts the body, which has not been finished.
func (b *outgoingBody) Drop(context.Context) error {
	b.body.Abort(wasihttp.ErrUnfinished)
	return nil
}

// OutgoingBodyFinish implements [Types]. Trailers stay charged until the invocation has ended.
func (types) OutgoingBodyFinish(_ context.Context, this OutgoingBody, trailers Trailers) error {
	b, err := cm.ObjectAs[*outgoingBody](OutgoingBodyType, this)
	if err != nil {
		return err
	}
	var t *wasihttp.Fields
	if trailers != nil {
		f, err := cm.ObjectAs[fields](FieldsType, trailers)
		if err != nil {
			return err
		}
		t = f.AccountedFields.Fields
	}
	if err := b.body.Finish(t); err != nil {
		return cm.FailFor(errorCode(err), err)
	}
	return nil
}
