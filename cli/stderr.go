package cli

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// stderrBufferSize bounds the bytes that are buffered.
const stderrBufferSize = 4 << 20

// bufferedStderr is standard error with two promises. Everything written before release comes out after release's first line,
// so that the line with the workload's address is the first. And a writer never waits for a slow reader: text that exceeds the
// buffer is dropped and counted, and a notice follows when there is room again. Safe for concurrent use; a Write stays whole.
type bufferedStderr struct {
	w      io.Writer
	notice func(lines int) []byte // the message that lines were dropped

	mu       sync.Mutex
	buffered []byte
	dropped  int // lines
	released bool
	closed   bool
	wake     chan struct{}
	done     chan struct{}
}

// newBufferedStderr starts the goroutine that writes to w; close ends it.
func newBufferedStderr(w io.Writer, notice func(lines int) []byte) *bufferedStderr {
	b := &bufferedStderr{w: w, notice: notice, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.writeLoop()
	return b
}

// Write never fails and never waits.
func (b *bufferedStderr) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buffered) > 0 && len(b.buffered)+len(p) > stderrBufferSize {
		b.dropped += max(bytes.Count(p, []byte("\n")), 1)
		return len(p), nil
	}
	b.appendDropNotice()
	b.buffered = append(b.buffered, p...)
	b.wakeWriter()
	return len(p), nil
}

// appendDropNotice reports dropped lines. b.mu is held.
func (b *bufferedStderr) appendDropNotice() {
	if b.dropped > 0 {
		b.buffered = append(b.buffered, b.notice(b.dropped)...)
		b.dropped = 0
	}
}

func (b *bufferedStderr) wakeWriter() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// release writes first and then the buffered text. Only the first call has an effect.
func (b *bufferedStderr) release(first string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.released {
		return
	}
	b.released = true
	b.buffered = append([]byte(first), b.buffered...)
	b.wakeWriter()
}

// close releases the text and waits until all of it is written, or ctx ends. Later writes are lost.
func (b *bufferedStderr) close(ctx context.Context) {
	b.release("")
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wakeWriter()
	select {
	case <-b.done:
	case <-ctx.Done():
	}
}

func (b *bufferedStderr) writeLoop() {
	defer close(b.done)
	for {
		b.mu.Lock()
		var text []byte
		if b.released {
			text, b.buffered = b.buffered, nil
			if b.closed && b.dropped > 0 {
				text = append(text, b.notice(b.dropped)...)
				b.dropped = 0
			}
		}
		closed := b.closed && len(text) == 0
		b.mu.Unlock()
		switch {
		case len(text) > 0:
			_, _ = b.w.Write(text) // there is no other place to report an error
		case closed:
			return
		default:
			<-b.wake
		}
	}
}
