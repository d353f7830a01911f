package http

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// BodySource produces a body on demand: it is read when the network takes bytes, and nothing is buffered ahead. Its methods are called
// by one goroutine at a time.
type BodySource interface {
	// Read waits for bytes, until io.EOF at their end, an error, or the end of ctx.
	Read(ctx context.Context, p []byte) (int, error)
	// Trailers is called after io.EOF, and may wait. Nil means no trailers.
	Trailers(ctx context.Context) (*Fields, error)
	// Ready says whether the next Read, or Trailers after io.EOF, would return without waiting, as far as is known.
	Ready() bool
	// End is the last call: nil means that the network has read the whole body. It must not block.
	End(err error)
}

// pulling is the state of a body with a source; guarded by the body's lock.
type pulling struct {
	src     BodySource
	ctx     reqctx.Context // of the reads
	reading bool           // src is being read
	over    bool           // src has returned io.EOF
	ended   bool           // End has been called
}

// Interrupter ends a read from outside.
type Interrupter interface{ Interrupt() }

// From makes src the source of a body to which nothing has been written. src.End is called however the body ends.
func (b *OutgoingBody) From(src BodySource) {
	b.mu.Lock()
	b.from = &pulling{src: src}
	b.from.ctx.BeginApart(context.Background())
	b.mu.Unlock()
	b.settle()
}

// Interrupted sets i to be called when the body is ended during a read of its source, for readers that can end that read.
func (b *OutgoingBody) Interrupted(i Interrupter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupt = i
}

// pull is Read for a body with a source. b.mu is held. It returns 0, nil once before it waits for trailers, so that the
// caller can flush first.
func (b *OutgoingBody) pull(p []byte) (int, error) {
	for b.end == nil && b.readErr == nil {
		into := b.roomForMore(p)
		n, err := b.pullOnce(into)
		switch {
		case b.end != nil || b.readErr != nil: // the body was ended during the read
		case n > 0:
			if b.count(n) == nil {
				if len(into) > len(p) {
					copy(p, into[:n])
				}
				return n, nil
			}
		case err != nil:
			b.end = err
		case b.from.over:
			return 0, nil
		}
	}
	if b.end == io.EOF {
		b.sent = true
	}
	if b.readErr != nil {
		return 0, b.readErr
	}
	return 0, b.end
}

// mostCopied bounds the reads for which roomForMore makes a buffer.
const mostCopied = 4 << 10

// roomForMore is p, or where p takes exactly the rest of a body with a length, as net/http's client asks for it, a buffer with room for one
// byte more: a body that is too long must fail before its last declared byte is sent, since the message would be whole then. Of a large
// rest that byte is left for the next read. b.mu is held.
func (b *OutgoingBody) roomForMore(p []byte) []byte {
	switch {
	case b.length < 0 || len(p) == 0 || b.written+uint64(len(p)) != uint64(b.length):
		return p
	case len(p) > mostCopied:
		return p[:len(p)-1]
	}
	return make([]byte, len(p)+1)
}

// pullOnce reads the source once, or its trailers after its end. The error is io.EOF after both. b.mu is held on entry and on return, and
// released during the read.
func (b *OutgoingBody) pullOnce(p []byte) (n int, err error) {
	f := b.from
	f.reading = true
	over := f.over
	b.mu.Unlock()
	if !over {
		n, err = f.src.Read(&f.ctx, p)
		over = n == 0 && err == io.EOF
	}
	wait := over && !f.over && !f.src.Ready()
	var trailers *Fields
	if over && !wait {
		if trailers, err = f.src.Trailers(&f.ctx); err == nil {
			err = io.EOF
		}
	}
	b.mu.Lock()
	f.reading, f.over = false, over
	switch {
	case wait:
		err = nil
	case over && err == io.EOF:
		b.trailers = trailers
		if !b.whole() {
			err = sizeError(b.tooLong, b.written)
		}
	}
	return n, err
}

// count adds n bytes to what was written. Too many bytes end the body with an error. b.mu is held.
func (b *OutgoingBody) count(n int) error {
	b.written += uint64(n)
	switch {
	case b.length >= 0 && b.written > uint64(b.length):
		b.end = sizeError(b.tooLong, b.written)
	case b.written > b.max:
		b.end = bodyLimit(b.tooLong, b.max)
	}
	return b.end
}

// whole says whether the bytes written so far are as many as the headers declare. b.mu is held.
func (b *OutgoingBody) whole() bool {
	return b.length < 0 || b.written == uint64(b.length) || b.empty && b.written == 0
}

// settle calls the source's End if the body has ended. It is called, without b.mu, after each step that can end the body.
func (b *OutgoingBody) settle() {
	b.mu.Lock()
	f := b.from
	err := b.end
	if b.readErr != nil && err != io.EOF {
		err = b.readErr
	}
	if f == nil || f.ended || err == nil {
		b.mu.Unlock()
		return
	}
	if reading := f.reading; reading { // the reading goroutine calls settle again
		interrupt := b.interrupt
		b.mu.Unlock()
		f.ctx.Cancel(err)
		if interrupt != nil {
			interrupt.Interrupt()
		}
		return
	}
	f.ended = true
	b.mu.Unlock()
	f.ctx.Cancel(nil)
	if err == io.EOF {
		err = nil
	}
	f.src.End(err)
}

// Forward sends a body from the network as this body. The channel is closed when no more of it is read.
func (b *OutgoingBody) Forward(from *IncomingBody) <-chan struct{} {
	f := forwarded{from, make(chan struct{})}
	b.From(f)
	return f.done
}

// forwarded is a body from the network as a source.
type forwarded struct {
	*IncomingBody
	done chan struct{}
}

// Read implements [BodySource].
func (f forwarded) Read(ctx context.Context, p []byte) (int, error) { return f.ReadUntil(ctx, p) }

// End implements [BodySource]. The error has no receiver.
func (f forwarded) End(error) {
	_ = f.IncomingBody.Close()
	close(f.done)
}
