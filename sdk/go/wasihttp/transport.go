package wasihttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/failure"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/message"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/poll"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/upload"
)

// ErrNoHost is the error of requests outside of a component.
var ErrNoHost = failure.ErrNoHost

// Transport sends requests through the host. The request's body is sent while the response is awaited and read, which may come before the body has ended, and its
// trailers after it; those of the response are there when its body has been read. A request goes to the host of its URL, which is what its server is told, too:
// wasi:http has no other Host. The context of a request ends both, and so does closing the response's body. The zero Transport is ready, and may be used by several
// goroutines: one that waits for the host leaves the others running.
type Transport struct{}

var _ http.RoundTripper = Transport{}

// RoundTrip is http.RoundTripper's. The error of wasi:http is an *Error.
func (Transport) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	sent := upload.Of(r)
	ctx, cancel := context.WithCancel(r.Context())
	defer func() {
		if err != nil {
			cancel()
			sent.Close()
		}
	}()
	if !cabi.InComponent {
		return nil, ErrNoHost
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	future, err := begin(ctx, r, sent)
	if err != nil {
		return nil, err
	}
	defer future.Drop()
	result := future.Get()
	if result == nil {
		if err := await(ctx, future); err != nil {
			return nil, err
		}
		result = future.Get()
	}
	if result == nil || result.Failed {
		return nil, errors.New("wasihttp: the host has no response, though it said so")
	}
	in, err := result.OK.Unpack()
	if err != nil {
		return nil, cmp.Or(sent.Err(), errorOf(err))
	}
	return response(ctx, cancel, r, in)
}

// await waits until the response, or why there is none, is there.
func await(ctx context.Context, future bindings.FutureIncomingResponse) error {
	ready := future.Subscribe()
	defer ready.Drop()
	return poll.Wait(ctx, ready)
}

// begin has the host send a request, and begins to send its body.
func begin(ctx context.Context, r *http.Request, sent *upload.Upload) (bindings.FutureIncomingResponse, error) {
	out, err := outgoing(r)
	if err != nil {
		return 0, err
	}
	var w *message.Writer
	if sent != nil {
		body, err := out.Body()
		if err != nil {
			out.Drop()
			return 0, fmt.Errorf("wasihttp: the request has no body: %w", err)
		}
		if w, err = message.NewWriter(ctx, body, func() {}); err != nil {
			body.Drop()
			out.Drop()
			return 0, fmt.Errorf("wasihttp: the request's body: %w", err)
		}
	}
	future, err := bindings.OutgoingHandlerHandle(out, nil)
	if err != nil {
		if w != nil {
			w.Abort()
		}
		return 0, errorOf(err)
	}
	if w != nil {
		go sent.Send(ctx, r, w)
	}
	return future, nil
}

// outgoing makes the head of a request.
func outgoing(r *http.Request) (bindings.OutgoingRequest, error) {
	fields, err := message.NewFields(head.Sent(r))
	if err != nil {
		return 0, fmt.Errorf("wasihttp: the header is refused: %w", err)
	}
	out := bindings.NewOutgoingRequest(fields)
	authority, path := r.URL.Host, r.URL.RequestURI()
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

// response makes the response, whose body is read as the program reads it. To close that is to cancel the request.
func response(ctx context.Context, cancel func(), r *http.Request, in bindings.IncomingResponse) (*http.Response, error) {
	out, err := head.Response(r, int(in.Status()), message.HeaderOf(in.Headers()), func(out *http.Response) (io.ReadCloser, error) {
		received, err := in.Consume()
		if err != nil {
			in.Drop()
			return nil, fmt.Errorf("wasihttp: the response's body: %w", err)
		}
		reader, err := message.NewReader(ctx, received, in.Drop, func(f bindings.Fields) {
			for name, values := range message.HeaderOf(f) {
				out.Trailer[name] = values
			}
		})
		if err != nil {
			return nil, fmt.Errorf("wasihttp: the response's body: %w", err)
		}
		return closing{reader, cancel}, nil
	})
	if err == nil && out.Body == http.NoBody {
		in.Drop()
	}
	return out, err
}

// closing is a response's body.
type closing struct {
	*message.Reader
	cancel func()
}

// Close is io.Closer's.
func (c closing) Close() error {
	defer c.cancel()
	return c.Reader.Close()
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
