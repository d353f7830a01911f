package sockets

import (
	"net/netip"
	"sync"
	"syscall"

	"github.com/vitrine-wasm/vitrine/internal/errno"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// netSystems makes sockets by Go's net. It knows listeners, connections and packets, no sockets that are none of these
// yet: until a guest has said what its socket is to be, a handle of the system stands for it, holds the address that it was
// bound to, and tells and checks options. Then net opens a socket with the same options in its place. Between the two the
// address is nobody's, for the time of two system calls: who takes it then makes the operation fail with address-in-use.
//
// What is read or accepted is read ahead, a buffer of it or one client, by a goroutine that ends with the socket.
var netSystems = systems{stream: newNetStream, datagram: newNetDatagram}

// netSocket is what streams and datagrams have in common.
type netSocket struct {
	family Family

	mu     sync.Mutex
	closed bool
	held   bool           // handle is open
	handle handle         // that stands for the socket
	local  netip.AddrPort // that it is bound to, once it is
	set    []setting      // that the guest asked for, in order
	asked  [options]int   // what options were when the handle was given up
	raw    syscall.RawConn
}

// setting is one option that was set.
type setting struct {
	o option
	v int
}

func (s *netSocket) hold(f Family, kind int) error {
	h, err := openHandle(f, kind)
	if err != nil {
		return failure(err)
	}
	s.family, s.handle, s.held = f, h, true
	return nil
}

// letGo closes the handle, so that its address is free. s.mu is held.
func (s *netSocket) letGo() {
	if !s.held {
		return
	}
	for o := range options {
		s.asked[o], _ = getOption(s.handle, s.family, o) // one that the system does not know is 0
	}
	closeHandle(s.handle)
	s.held = false
}

// use puts what net has opened in the place of the handle. Options may have been set since it was. s.mu is held.
func (s *netSocket) use(c syscall.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return failure(err)
	}
	s.raw = raw
	return control(raw, s.apply)
}

// apply sets on h what the guest has set. An option that the system does not know could be set only while there was no
// socket to tell.
func (s *netSocket) apply(h handle) error {
	for _, set := range s.set {
		if err := setOption(h, s.family, set.o, set.v); err != nil && !errno.Is(err, syscall.ENOPROTOOPT) {
			return err
		}
	}
	return nil
}

// control runs f with a socket of net's.
func control(raw syscall.RawConn, f func(h handle) error) error {
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(handle(fd)) }); err != nil {
		return failure(err)
	}
	return failure(inner)
}

// on runs f with whatever socket there is; false if there is none just now. s.mu is held.
func (s *netSocket) on(f func(h handle) error) (bool, error) {
	switch {
	case s.raw != nil:
		return true, control(s.raw, f)
	case s.held:
		return true, failure(f(s.handle))
	}
	return false, nil
}

func (s *netSocket) localAddr() (at netip.AddrPort, err error) {
	return s.addr(localOf)
}

func (s *netSocket) addr(get func(handle) (netip.AddrPort, error)) (at netip.AddrPort, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := s.on(func(h handle) (err error) {
		at, err = get(h)
		return err
	})
	if !there {
		return s.local, nil
	}
	return at, err
}

func (s *netSocket) option(o option) (v int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := s.on(func(h handle) (err error) {
		v, err = getOption(h, s.family, o)
		return err
	})
	if !there {
		return s.asked[o], nil
	}
	return v, err
}

func (s *netSocket) setOption(o option, v int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := s.on(func(h handle) error { return setOption(h, s.family, o, v) })
	if err != nil {
		return err
	}
	if !there {
		s.asked[o] = v
	}
	for i := range s.set {
		if s.set[i].o == o {
			s.set[i].v = v
			return nil
		}
	}
	s.set = append(s.set, setting{o, v})
	return nil
}

// protocol names what net is to open.
func (s *netSocket) protocol(name string) string {
	if s.family == IPv6 {
		return name + "6" // which net opens without IPv4
	}
	return name + "4"
}

var always = wasiio.Always()
