package httpp3

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// request is the resource request: received by the host, or made by a guest.
type request struct {
	in      *wasihttp.IncomingRequest // nil: a guest has made it
	out     *wasihttp.OutgoingRequest // nil: received and unchanged
	content *content                  // of a guest's request; nil once it is used
	options *requestOptions           // nil: none
	sent    *wasihttp.Exchange        // nil before it is sent
	held    cm.Holding
}

var _ Request = (*request)(nil)

// RequestNew implements [Types].
func (t types) RequestNew(ctx context.Context, headers Headers, contents bytesReader, trailers trailersReader, options RequestOptions) (cm.Tuple2[Request, resultReader], error) {
	var out cm.Tuple2[Request, resultReader]
	h, held, err := t.head(ctx, headers)
	if err != nil {
		return out, err
	}
	r := &request{out: wasihttp.NewOutgoingRequest(h), held: held}
	r.out.LimitBody(t.limits.Body)
	if options != nil {
		o, err := cm.ObjectAs[*requestOptions](RequestOptionsType, options)
		if err != nil {
			return out, err
		}
		r.options = &requestOptions{Options: o.Options, immutable: true}
	}
	r.content, out.F1 = newContent(ctx, contents, trailers)
	out.F0 = r
	return out, nil
}

// HTTPRequest, OutgoingMethod, OutgoingURL and OutgoingHeader are for observers. The header may be changed until the guest reads it, or
// the request is sent. HTTPRequest is nil for a request that a guest has made.
func (r *request) HTTPRequest() *http.Request {
	if r.in == nil {
		return nil
	}
	return r.in.HTTPRequest()
}

// OutgoingMethod is the method.
func (r *request) OutgoingMethod() string { return r.outgoing().Method() }

// OutgoingURL is never nil.
func (r *request) OutgoingURL() *url.URL { return r.outgoing().URL() }

// OutgoingHeader returns the same map each time.
func (r *request) OutgoingHeader() http.Header { return r.outgoing().Header() }

// OutgoingTrailers are the trailers of the answer, once that has come to its end.
func (r *request) OutgoingTrailers() http.Header {
	if r.sent == nil {
		return nil
	}
	return r.sent.Trailers()
}

// OutgoingTimes are the times of an exchange that has ended: until the response's head, until its last byte, and how long the guest's
// back-pressure stopped the body.
func (r *request) OutgoingTimes() (head, total, stalled time.Duration) {
	if r.sent == nil {
		return 0, 0, 0
	}
	t := r.sent.Times()
	return t.Head, t.Total, t.Stalled
}

// outgoing returns the request in the form that can be changed and sent.
func (r *request) outgoing() *wasihttp.OutgoingRequest {
	if r.out == nil {
		r.out = r.in.Forward()
	}
	return r.out
}

func (r *request) GetMethod(context.Context) (Method, error) {
	if r.out == nil {
		return toMethod(r.in.Method()), nil
	}
	return toMethod(r.out.Method()), nil
}

// set changes a string of the request.
func (r *request) set(ctx context.Context, from, to string, set func(string) error) error {
	return toEmptyError(wasihttp.SetCharged(ctx, &r.held, from, to, set))
}

func (r *request) SetMethod(ctx context.Context, m Method) error {
	out := r.outgoing()
	return r.set(ctx, out.Method(), fromMethod(m), out.SetMethod)
}

func (r *request) GetPathWithQuery(context.Context) (*string, error) {
	if r.out == nil {
		return optional(r.in.PathWithQuery()), nil
	}
	return optional(r.out.PathWithQuery()), nil
}

func (r *request) SetPathWithQuery(ctx context.Context, s *string) error {
	if s == nil {
		s = new(string)
	}
	out := r.outgoing()
	return r.set(ctx, out.PathWithQuery(), *s, out.SetPathWithQuery)
}

func (r *request) GetScheme(context.Context) (*Scheme, error) {
	if r.out == nil {
		return toScheme(r.in.Scheme()), nil
	}
	return toScheme(r.out.Scheme()), nil
}

func (r *request) SetScheme(ctx context.Context, s *Scheme) error {
	name, ok := fromScheme(s)
	if !ok {
		return emptyError()
	}
	out := r.outgoing()
	return r.set(ctx, out.Scheme(), name, out.SetScheme)
}

func (r *request) GetAuthority(context.Context) (*string, error) {
	if r.out == nil {
		return optional(r.in.Authority()), nil
	}
	return optional(r.out.Authority()), nil
}

func (r *request) SetAuthority(ctx context.Context, s *string) error {
	if s == nil {
		s = new(string)
	} else if *s == "" {
		return emptyError()
	}
	out := r.outgoing()
	return r.set(ctx, out.Authority(), *s, out.SetAuthority)
}

func (r *request) GetOptions(context.Context) (RequestOptions, error) {
	if r.options == nil {
		return nil, nil
	}
	return r.options, nil
}

func (r *request) GetHeaders(context.Context) (Headers, error) {
	if r.in != nil {
		return messageFields(r.in.Headers()), nil
	}
	return messageFields(r.out.Headers()), nil
}

// RequestConsumeBody implements [Types].
func (types) RequestConsumeBody(ctx context.Context, this Request, res resultReader) (bodyReader, error) {
	r, err := cm.ObjectAs[*request](RequestType, this)
	if err != nil {
		return bodyReader{}, err
	}
	r.held.Release()
	if r.in != nil {
		return consume(ctx, r.in.Body(), res)
	}
	return r.content.take(res), nil
}

// Drop ends the body of a request that was neither sent nor consumed.
func (r *request) Drop(context.Context) error {
	r.held.Release()
	if r.in != nil {
		r.in.Close()
	} else {
		r.content.drop(errDropped)
	}
	return nil
}

// requestOptions is the resource request-options.
type requestOptions struct {
	wasihttp.Options
	immutable bool // they belong to a request
}

var _ RequestOptions = (*requestOptions)(nil)

// NewRequestOptions implements [Types].
func (types) NewRequestOptions(context.Context) (RequestOptions, error) {
	return &requestOptions{}, nil
}

func toDuration(d *time.Duration) (*clocksp3.Duration, error) {
	if d == nil {
		return nil, nil
	}
	ns := clocksp3.Duration(*d)
	return &ns, nil
}

func (o *requestOptions) set(d **time.Duration, ns *clocksp3.Duration) error {
	if o.immutable {
		return cm.Fail(RequestOptionsErrorImmutable())
	}
	*d = nil
	if ns != nil {
		new := time.Duration(min(*ns, math.MaxInt64))
		*d = &new
	}
	return nil
}

func (o *requestOptions) GetConnectTimeout(context.Context) (*clocksp3.Duration, error) {
	return toDuration(o.Connect)
}

func (o *requestOptions) SetConnectTimeout(_ context.Context, d *clocksp3.Duration) error {
	return o.set(&o.Connect, d)
}

func (o *requestOptions) GetFirstByteTimeout(context.Context) (*clocksp3.Duration, error) {
	return toDuration(o.FirstByte)
}

func (o *requestOptions) SetFirstByteTimeout(_ context.Context, d *clocksp3.Duration) error {
	return o.set(&o.FirstByte, d)
}

func (o *requestOptions) GetBetweenBytesTimeout(context.Context) (*clocksp3.Duration, error) {
	return toDuration(o.BetweenBytes)
}

func (o *requestOptions) SetBetweenBytesTimeout(_ context.Context, d *clocksp3.Duration) error {
	return o.set(&o.BetweenBytes, d)
}

func (o *requestOptions) Clone(context.Context) (RequestOptions, error) {
	return &requestOptions{Options: o.Options}, nil
}
