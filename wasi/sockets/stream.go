package sockets

import (
	"context"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/errno"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// input reads a connection without a buffer of its own: unread bytes stay with the system, which causes back-pressure.
type input struct {
	s      *sock[streamSystem]
	mu     sync.Mutex
	ended  bool
	closed bool
	event  wasiio.Event
}

// Ready implements [wasiio.Pollable].
func (i *input) Ready() bool {
	i.mu.Lock()
	done := i.ended || i.closed
	i.mu.Unlock()
	return done || i.s.sys.readable().Ready()
}

// Watch implements [wasiio.Pollable].
func (i *input) Watch(wake chan<- struct{}) (stop func()) {
	own, sys := i.event.Watch(wake), i.s.sys.readable().Watch(wake)
	return func() { own(); sys() }
}

// Read implements [wasiio.InputStream].
func (i *input) Read(_ context.Context, p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended || i.closed {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := i.s.sys.recv(p)
	switch {
	case wouldBlock(err):
		return 0, nil
	case err != nil:
		i.ended = true
		return 0, err
	case n == 0:
		i.ended = true
		return 0, io.EOF
	}
	return n, nil
}

// end ends the stream, for shutdown. The connection stays open.
func (i *input) end() {
	i.mu.Lock()
	i.ended = true
	i.mu.Unlock()
	i.event.Notify()
}

// Close implements [wasiio.InputStream].
func (i *input) Close() error {
	i.mu.Lock()
	was := i.closed
	i.closed = true
	i.mu.Unlock()
	i.event.Notify()
	if !was {
		i.s.release()
	}
	return nil
}

// sink is the destination of an output stream. It is closed after the last byte, which sends the end of the stream to the
// peer.
type sink struct{ s *sock[streamSystem] }

func (k sink) Write(p []byte) (int, error) {
	n, err := k.s.sys.write(p)
	if errno.Is(err, syscall.EPIPE) {
		return n, wasiio.ErrReaderGone
	}
	return n, err
}

func (k sink) Close() error {
	err := k.s.sys.shutdown(false, true)
	k.s.release()
	return err
}

// linger bounds how long written bytes are still sent after the guest has dropped the socket and its streams.
const linger = 10 * time.Second
