package message

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/failure"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings"
)

// RoundTrip has send answer a request. The request's body is sent while send is under way, and after it, as far as it is read: it is http.RoundTripper's that it
// is closed at the end of that.
func RoundTrip(r *http.Request, send func(context.Context, bindings.Request) (bindings.Response, error)) (*http.Response, error) {
	closeBody := func() {
		if r.Body != nil {
			r.Body.Close()
		}
	}
	if !cabi.InComponent {
		closeBody()
		return nil, failure.ErrNoHost
	}
	if err := r.Context().Err(); err != nil {
		closeBody()
		return nil, err
	}
	fields, err := NewFields(head.Sent(r))
	if err != nil {
		closeBody()
		return nil, fmt.Errorf("wasihttp: the header is refused: %w", err)
	}
	var content *async.StreamReader[byte]
	var stream *async.StreamWriter[byte]
	if r.Body != nil && r.Body != http.NoBody {
		content, stream = bindings.StreamOfU8.Open()
	}
	trailers, tail := bindings.FutureOfOptionFieldsOrErrorCode.Open()
	made := bindings.RequestNew(fields, content, trailers, nil)
	made.F1.Close() // that the request's body is cut, its answer says
	err = setHead(made.F0, r)
	go sendBody(r, NewWriter(r.Context(), stream, tail))
	if err != nil {
		made.F0.Drop()
		return nil, err
	}
	in, err := send(r.Context(), made.F0)
	if err != nil {
		return nil, errorOf(err)
	}
	return response(r, in), nil
}

// setHead sets what a request's head has besides its fields.
func setHead(out bindings.Request, r *http.Request) error {
	authority, path := r.Host, r.URL.RequestURI()
	if authority == "" {
		authority = r.URL.Host
	}
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

// sendBody writes a request's body. That the other side stops reading is no error: it may have answered.
func sendBody(r *http.Request, w *Writer) {
	if w.stream != nil {
		defer r.Body.Close()
		if _, err := io.Copy(w, r.Body); err != nil && !errors.Is(err, answer.ErrClosed) {
			w.Abort()
			return
		}
	}
	_ = w.Finish(r.Trailer)
}

// response makes the response, whose body is read as the program reads it.
func response(r *http.Request, in bindings.Response) *http.Response {
	status := int(in.GetStatusCode())
	out := &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: HeaderOf(in.GetHeaders()), Trailer: http.Header{},
	}
	out.ContentLength = head.Length(out.Header)
	out.Body = NewReader(r.Context(), func(taken *async.FutureReader[Outcome]) (*async.StreamReader[byte], *async.FutureReader[Trailers]) {
		body := bindings.ResponseConsumeBody(in, taken)
		return body.F0, body.F1
	}, in.Drop, func(h http.Header) {
		for name, values := range h {
			out.Trailer[name] = values
		}
	})
	return out
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
