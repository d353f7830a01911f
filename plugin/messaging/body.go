package messaging

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
)

// body is the body of a message for a guest. Nothing goes on before the guest reads; then a goroutine writes it, until the guest has read it
// or drops the stream, or its store ends.
type body struct {
	w    *cm.StreamWriter[uint8]
	rest []byte
}

var _ cm.Origin[uint8] = (*body)(nil)

func newBody(b []byte) *cm.StreamReader[uint8] {
	w, r := cm.NewStream[uint8]()
	w.Offer(&body{w, b})
	return r
}

// Write implements cm.Origin.
func (b *body) Write() {
	go func() {
		if len(b.rest) > 0 {
			_, _ = b.w.Write(context.Background(), b.rest) // who does not read a body does not want it
		}
		_ = b.w.Close()
	}()
}

// Take implements cm.Origin.
func (b *body) Take() {}

// Gone implements cm.Origin.
func (b *body) Gone() { go b.w.Close() }

// Read implements cm.Origin.
func (b *body) Read(_ context.Context, p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Ready implements cm.Origin.
func (b *body) Ready() bool { return true }

// Close implements cm.Origin.
func (b *body) Close() {}
