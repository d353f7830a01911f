package sockets

import (
	"os"
	"sync/atomic"
	"syscall"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// sock is an open socket of the system, always non-blocking, shared by a socket and its streams. It is closed when the
// last of them lets go. The system calls on it are in sys_linux.go.
type sock struct {
	f     *os.File
	raw   syscall.RawConn
	guest *Network // that it is counted for
	refs  atomic.Int32
	in    readiness
	out   readiness
}

func newSock(f *os.File) (*sock, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, failure(err)
	}
	s := &sock{f: f, raw: raw}
	s.refs.Store(1)
	s.in, s.out = readiness{s: s}, readiness{s: s, write: true}
	return s, nil
}

func (s *sock) retain() *sock {
	s.refs.Add(1)
	return s
}

func (s *sock) release() {
	if s.refs.Add(-1) == 0 {
		s.f.Close()
		s.guest.open.Add(-1)
	}
}

// on runs f with the file descriptor, which stays open meanwhile.
func (s *sock) on(f func(fd int) error) error {
	var inner error
	err := s.raw.Control(func(fd uintptr) {
		for inner = f(int(fd)); inner == syscall.EINTR; {
			inner = f(int(fd))
		}
	})
	if err == nil {
		err = inner
	}
	return failure(err)
}

// readiness is one direction of a socket as an event. While somebody watches and it is not ready, one goroutine waits
// for the system; it ends when the direction is ready or the socket closed.
type readiness struct {
	wasiio.Event
	s     *sock
	write bool
	armed atomic.Bool
}

// Ready is Pollable's.
func (r *readiness) Ready() bool {
	ready := true // a closed socket is
	r.s.raw.Control(func(fd uintptr) { ready = pollNow(int(fd), r.write) })
	if !ready && r.Watched() {
		r.arm() // what it was ready for has been taken by somebody else
	}
	return ready
}

// Watch is Pollable's.
func (r *readiness) Watch(wake chan<- struct{}) (stop func()) {
	stop = r.Event.Watch(wake)
	r.arm()
	return stop
}

func (r *readiness) arm() {
	if !r.armed.CompareAndSwap(false, true) {
		return
	}
	go func() {
		wait := r.s.raw.Read
		if r.write {
			wait = r.s.raw.Write
		}
		wait(func(fd uintptr) bool { return pollNow(int(fd), r.write) })
		r.armed.Store(false)
		r.Notify()
	}()
}
