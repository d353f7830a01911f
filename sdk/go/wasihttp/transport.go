package wasihttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/failure"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/message"
)

// ErrNoHost is the error of requests outside of a component.
var ErrNoHost = failure.ErrNoHost

// Transport sends requests through the host. The deadline of a request's context bounds how long the host waits for the connection, the first byte of the
// response and each byte after it; a context that is cancelled otherwise is heeded between calls of the host. Trailers of responses are read,
// those of requests are not sent. The zero Transport is ready, and may be used by several goroutines.
type Transport struct{}

var _ http.RoundTripper = Transport{}

// RoundTrip is http.RoundTripper's. The error of wasi:http is an *Error.
func (Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if !cabi.InComponent {
		return nil, ErrNoHost
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	out, err := outgoing(r)
	if err != nil {
		return nil, err
	}
	sent, err := out.Body()
	if err != nil {
		out.Drop()
		return nil, fmt.Errorf("wasihttp: the request has no body: %w", err)
	}
	future, err := bindings.OutgoingHandlerHandle(out, timeouts(r))
	if err != nil {
		sent.Drop()
		return nil, errorOf(err)
	}
	defer future.Drop()
	if err := send(r, sent); err != nil {
		return nil, err
	}
	ready := future.Subscribe()
	ready.Block()
	ready.Drop()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	result := future.Get()
	if result == nil || result.Failed {
		return nil, errors.New("wasihttp: the host has no response, though it said so")
	}
	in, err := result.OK.Unpack()
	if err != nil {
		return nil, errorOf(err)
	}
	return response(r, in)
}

// send writes the request's body. That the other side stops reading is no error: it may have answered.
func send(r *http.Request, sent bindings.OutgoingBody) error {
	w, err := message.NewWriter(sent)
	if err != nil {
		sent.Drop()
		return fmt.Errorf("wasihttp: the request's body: %w", err)
	}
	if r.Body != nil {
		if _, err := io.Copy(w, heeding{r.Context(), r.Body}); err != nil && !errors.Is(err, answer.ErrClosed) {
			w.Abort()
			return err
		}
	}
	_ = w.Finish(nil)
	return nil
}

// outgoing makes the head of a request.
func outgoing(r *http.Request) (bindings.OutgoingRequest, error) {
	fields, err := message.NewFields(head.Sent(r))
	if err != nil {
		return 0, fmt.Errorf("wasihttp: the header is refused: %w", err)
	}
	out := bindings.NewOutgoingRequest(fields)
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
	if err := errors.Join(out.SetMethod(message.MethodOf(r.Method)), out.SetScheme(&scheme), out.SetAuthority(&authority), out.SetPathWithQuery(&path)); err != nil {
		out.Drop()
		return 0, fmt.Errorf("wasihttp: %s %s is no request that the host takes", r.Method, r.URL.Redacted())
	}
	return out, nil
}

// timeouts are the options of a request whose context has a deadline; nil without.
func timeouts(r *http.Request) *bindings.RequestOptions {
	deadline, ok := r.Context().Deadline()
	if !ok {
		return nil
	}
	left := uint64(max(time.Until(deadline), 1))
	options := bindings.NewRequestOptions()
	// A host may have no such option; then its own bounds hold.
	_ = options.SetConnectTimeout(&left)
	_ = options.SetFirstByteTimeout(&left)
	_ = options.SetBetweenBytesTimeout(&left)
	return &options
}

// response makes the response, whose body is read as the program reads it.
func response(r *http.Request, in bindings.IncomingResponse) (*http.Response, error) {
	status := int(in.Status())
	out := &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: message.HeaderOf(in.Headers()), Trailer: http.Header{},
	}
	out.ContentLength = head.Length(out.Header)
	received, err := in.Consume()
	if err != nil {
		in.Drop()
		return nil, fmt.Errorf("wasihttp: the response's body: %w", err)
	}
	reader, err := message.NewReader(received, in.Drop, func(f bindings.Fields) {
		for name, values := range message.HeaderOf(f) {
			out.Trailer[name] = values
		}
	})
	if err != nil {
		return nil, fmt.Errorf("wasihttp: the response's body: %w", err)
	}
	out.Body = heeding{r.Context(), reader}
	return out, nil
}

// heeding is a body that is not read on once its context has ended.
type heeding struct {
	context.Context
	io.ReadCloser
}

func (h heeding) Read(b []byte) (int, error) {
	if err := h.Err(); err != nil {
		return 0, err
	}
	return h.ReadCloser.Read(b)
}

// Error is why a request has failed, as the host says it.
type Error = failure.Error

func errorOf(err error) error {
	var code *cabi.Error[bindings.ErrorCode]
	if !errors.As(err, &code) {
		return err
	}
	e := &Error{Code: code.Value.String()}
	if code.Value.InternalError != nil {
		e.Detail = *code.Value.InternalError
	}
	return e
}
