package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/failure"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/upload"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings"
)

// RoundTrip has send answer a request. The request's body is sent while send is under way, and after it, as far as it is read: it is http.RoundTripper's that it
// is closed at the end of that. To close the response's body is to cancel the request.
func RoundTrip(r *http.Request, send func(context.Context, bindings.Request) (bindings.Response, error)) (_ *http.Response, err error) {
	sent := upload.Of(r)
	ctx, cancel := context.WithCancel(r.Context())
	defer func() {
		if err != nil {
			cancel()
			sent.Close()
		}
	}()
	if !cabi.InComponent {
		return nil, failure.ErrNoHost
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	fields, err := NewFields(head.Sent(r))
	if err != nil {
		return nil, fmt.Errorf("wasihttp: the header is refused: %w", err)
	}
	var content *async.StreamReader[byte]
	var stream *async.StreamWriter[byte]
	if sent != nil {
		content, stream = bindings.StreamOfU8.Open()
	}
	trailers, tail := bindings.FutureOfOptionFieldsOrErrorCode.Open()
	made := bindings.RequestNew(fields, content, trailers, nil)
	made.F1.Close() // that the request's body is cut, its answer says
	err = setHead(made.F0, r)
	w := NewWriter(ctx, stream, tail)
	if sent != nil {
		go sent.Send(ctx, r, w)
	} else {
		go w.Finish(r.Trailer)
	}
	if err != nil {
		made.F0.Drop()
		return nil, err
	}
	in, err := send(ctx, made.F0)
	if err != nil {
		return nil, cmp.Or(sent.Err(), errorOf(err))
	}
	return response(ctx, cancel, r, in)
}

// setHead sets what a request's head has besides its fields.
func setHead(out bindings.Request, r *http.Request) error {
	authority, path := cmp.Or(r.URL.Host, r.Host), r.URL.RequestURI() // a request that is handed on along a chain has a Host alone
	scheme := bindings.SchemeHTTPS()
	if r.URL.Scheme == "http" {
		scheme = bindings.SchemeHTTP()
	} else if r.URL.Scheme != "https" {
		scheme = bindings.SchemeOther(r.URL.Scheme)
	}
	if err := errors.Join(out.SetMethod(MethodOf(r.Method)), out.SetScheme(&scheme), out.SetAuthority(&authority), out.SetPathWithQuery(&path)); err != nil {
		return fmt.Errorf("wasihttp: %s %s is no request that the host takes", r.Method, r.URL.Redacted())
	}
	return nil
}

// response makes the response, whose body is read as the program reads it.
func response(ctx context.Context, cancel func(), r *http.Request, in bindings.Response) (*http.Response, error) {
	out, err := head.Response(r, int(in.GetStatusCode()), HeaderOf(in.GetHeaders()), func(out *http.Response) (io.ReadCloser, error) {
		return closing{NewReader(ctx, func(taken *async.FutureReader[Outcome]) (*async.StreamReader[byte], *async.FutureReader[Trailers]) {
			body := bindings.ResponseConsumeBody(in, taken)
			return body.F0, body.F1
		}, in.Drop, func(h http.Header) {
			for name, values := range h {
				out.Trailer[name] = values
			}
		}), cancel}, nil
	})
	if err == nil && out.Body == http.NoBody {
		in.Drop()
	}
	return out, err
}

// closing is a response's body.
type closing struct {
	*Reader
	cancel func()
}

// Close is io.Closer's.
func (c closing) Close() error {
	defer c.cancel()
	return c.Reader.Close()
}

func errorOf(err error) error {
	var code *cabi.Error[bindings.ErrorCode]
	if !errors.As(err, &code) {
		return err
	}
	e := &failure.Error{Code: code.Value.String()}
	if code.Value.InternalError != nil {
		e.Detail = *code.Value.InternalError
	}
	return e
}
