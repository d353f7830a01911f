package http

import (
	"context"
	"io"
	"net/http"
	"sync"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// IncomingBody is a body that the network writes and a guest reads: its bytes once, then its trailers. Bytes are read
// from the network only when the guest asks for them.
type IncomingBody struct {
	mu      sync.Mutex // held while src is being read
	src     io.ReadCloser
	trailer func() http.Header // valid after src has ended
	fail    func(error) *Error
	err     *Error // how src ended; nil while it has not, or after a clean end
	ended   bool

	start  sync.Once
	done   wasiio.Flag // the body has ended and everything is known
	closed sync.Once
}

// NewIncomingBody makes a body over src. trailer is asked once src has given io.EOF; fail turns an error of src into a
// code.
func NewIncomingBody(src io.ReadCloser, trailer func() http.Header, fail func(error) *Error) *IncomingBody {
	return &IncomingBody{src: src, trailer: trailer, fail: fail}
}

// Stream is the guest's end. It is made once. Closing it leaves the body where it is.
func (b *IncomingBody) Stream() wasiio.InputStream { return wasiio.NewReader(bodySource{b}) }

type bodySource struct{ b *IncomingBody }

func (s bodySource) Read(p []byte) (int, error) { return s.b.read(p) }

func (b *IncomingBody) read(p []byte) (int, error) {
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
		return n, nil // the end is read again
	}
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

// Finish lets the rest of the body pass unread until its end, on a goroutine that ends with the body. [IncomingBody.Close]
// cuts it short.
func (b *IncomingBody) Finish() {
	b.start.Do(func() {
		if b.done.Ready() {
			return
		}
		go func() {
			buf := make([]byte, 16<<10)
			for {
				if _, err := b.read(buf); err != nil {
					return
				}
			}
		}()
	})
}

// Done happens when the body has ended.
func (b *IncomingBody) Done() wasiio.Pollable { return &b.done }

// Trailers waits for the end of the body, as [IncomingBody.Finish] brings it about, and gives its trailers: nil if there
// are none.
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
	if b.trailer != nil {
		h = b.trailer()
	}
	f := FieldsFromHeader(h)
	if len(f.list) == 0 {
		return nil, nil
	}
	return f, nil
}

// Close lets go of the body; what has not been read is lost.
func (b *IncomingBody) Close() error {
	var err error
	b.closed.Do(func() { err = b.src.Close() })
	return err
}
