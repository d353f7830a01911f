package http

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// BodySource is what a body is made of that is only read when the network wants it: nothing of it is kept ahead. Its methods are called
// by one goroutine at a time.
type BodySource interface {
	// Read waits for bytes, until io.EOF at their end, an error, or the end of ctx.
	Read(ctx context.Context, p []byte) (int, error)
	// Trailers is called after io.EOF, and may wait. nil is none.
	Trailers(ctx context.Context) (*Fields, error)
	// Ready says whether a Read, or behind io.EOF Trailers, would return without waiting, as far as is known.
	Ready() bool
	// End is called once, after everything else: nil says that the network has read the body to its end. It must not block.
	End(err error)
}

// pulling is the state of a body with a source; guarded by the body's lock.
type pulling struct {
	src     BodySource
	ctx     reqctx.Context // of the reads
	reading bool           // src is being read
	over    bool           // it has given io.EOF
	ended   bool           // src has been told
}

// Interrupter ends a read from outside.
type Interrupter interface{ Interrupt() }

// From makes src the source of a body that nothing has been written to. It is told of the end, whoever ends the body.
func (b *OutgoingBody) From(src BodySource) {
	b.mu.Lock()
	b.from = &pulling{src: src}
	b.from.ctx.BeginApart(context.Background())
	b.mu.Unlock()
	b.settle()
}

// Interrupted has i called where the body is ended while its source is being read, if the network's side can end that read.
func (b *OutgoingBody) Interrupted(i Interrupter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupt = i
}

// pull is Read for a body with a source. b.mu is held. It returns nothing, and no error, where its trailers are still to come: the caller may
// have something to do before it waits for them.
func (b *OutgoingBody) pull(p []byte) (int, error) {
	for b.end == nil && b.readErr == nil {
		into := b.roomForMore(p)
		n, err := b.pullOnce(into)
		switch {
		case b.end != nil || b.readErr != nil: // meanwhile
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

// pullOnce reads the source, or its trailers behind its end. The error is io.EOF when there is nothing more of either. b.mu is held, but
// not meanwhile.
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

// count notes n bytes more; an error, which ends the body, if they are too many. b.mu is held.
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

// whole says that a body which ends now is as long as its headers declare. b.mu is held.
func (b *OutgoingBody) whole() bool {
	return b.length < 0 || b.written == uint64(b.length) || b.empty && b.written == 0
}

// settle has the source know of the end of the body, if that has come: it is called without b.mu after whatever may have ended it.
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
	if reading := f.reading; reading { // which tells it
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

// Forward makes a body from the network that of a message that is sent. The channel is closed when nothing of it is wanted any more.
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

// End implements [BodySource]. There is nobody to tell of the error.
func (f forwarded) End(error) {
	_ = f.IncomingBody.Close()
	close(f.done)
}
