package http

import (
	"context"
	"io"
	"net/http"
	"sync"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// IncomingBody is a body that a guest reads from the network: its bytes, once, then its trailers. Bytes are read from the
// network only when the guest reads.
type IncomingBody struct {
	mu      sync.Mutex // held while src is being read
	src     io.ReadCloser
	trailer func() http.Header // valid after src has ended
	request *http.Request      // whose trailers are the body's, in place of trailer
	fail    func(error) *Error
	err     *Error // how src ended; nil while it has not, or after a clean end
	ended   bool

	start  sync.Once
	done   wasiio.Flag // the body has ended
	closed sync.Once
}

// NewIncomingBody makes a body over src. trailer is called after src has returned io.EOF; toError maps an error of src.
func NewIncomingBody(src io.ReadCloser, trailer func() http.Header, toError func(error) *Error) *IncomingBody {
	return &IncomingBody{src: src, trailer: trailer, fail: toError}
}

// Stream returns the guest's stream, to be called once. Closing it does not end the body. The stream of a body that is known to have no bytes has ended.
func (b *IncomingBody) Stream() wasiio.InputStream {
	if b.Empty() {
		return wasiio.Empty()
	}
	return wasiio.NewReader(bodySource{b})
}

// Empty says whether the body is known to have no bytes, or none any more, and ends it then. Guests learn that by their first read, which does not wait.
func (b *IncomingBody) Empty() bool {
	src, ok := b.src.(interface{ Ended() bool })
	if !ok || !src.Ended() {
		return false
	}
	_, err := b.Read(nil)
	return err == io.EOF
}

type bodySource struct{ b *IncomingBody }

func (s bodySource) Read(p []byte) (int, error) { return s.b.Read(p) }

// Read implements io.Reader; it may block until Close.
func (b *IncomingBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		if b.err != nil {
			return 0, b.err
		}
		return 0, io.EOF
	}
	n, err := b.src.Read(p)
	if err == nil {
		return n, nil
	}
	b.ended = true
	if err != io.EOF {
		b.err = b.fail(err)
	}
	b.done.Set()
	if n > 0 {
		return n, nil // the next call returns the end
	}
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

// Ready says whether a Read would return without waiting, as far as is known.
func (b *IncomingBody) Ready() bool {
	src, ok := b.src.(interface{ Ready() bool })
	return b.done.Ready() || ok && src.Ready()
}

// ReadUntil is Read, which is ended, and the body with it, when ctx ends.
func (b *IncomingBody) ReadUntil(ctx context.Context, p []byte) (int, error) {
	if !b.Ready() {
		defer context.AfterFunc(ctx, func() { _ = b.Close() })()
	}
	n, err := b.Read(p)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return n, err
}

// Finish discards the rest of the body, on a goroutine that ends with the body or [IncomingBody.Close].
func (b *IncomingBody) Finish() {
	b.start.Do(func() {
		if b.done.Ready() {
			return
		}
		go func() {
			buf := make([]byte, 16<<10)
			for {
				if _, err := b.Read(buf); err != nil {
					return
				}
			}
		}()
	})
}

// Done is the event of the body's end.
func (b *IncomingBody) Done() wasiio.Pollable { return &b.done }

// Trailers waits for the end of the body, after [IncomingBody.Finish], and returns its trailers, or nil if it has none.
func (b *IncomingBody) Trailers(ctx context.Context) (*Fields, error) {
	if err := wasiio.Wait(ctx, &b.done); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	var h http.Header
	switch {
	case b.request != nil:
		h = b.request.Trailer
	case b.trailer != nil:
		h = b.trailer()
	}
	f := FieldsFromHeader(h)
	if len(f.list) == 0 {
		return nil, nil
	}
	return f, nil
}

// Close releases the body and discards what has not been read.
func (b *IncomingBody) Close() error {
	var err error
	b.closed.Do(func() { err = b.src.Close() })
	return err
}
