package sockets

import (
	"net/netip"
	"sync"
	"syscall"

	"github.com/vitrine-wasm/vitrine/internal/errno"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// netSystems makes sockets with Go's net package, which has listeners, connections and packet sockets, but no sockets that
// are none of these yet. Until a guest listens or connects, a placeholder (a plain system socket) has the bound address and
// the options. It is closed before net opens a socket with the same address and options. Another process that takes the
// address between these two system calls makes the operation fail with address-in-use.
//
// A goroutine that ends with the socket reads one buffer ahead, or accepts one client ahead.
var netSystems = systems{stream: newNetStream, datagram: newNetDatagram}

// netSocket is the common part of netStream and netDatagram.
type netSocket struct {
	family Family

	mu       sync.Mutex
	closed   bool
	open     bool           // handle is open
	handle   handle         // the placeholder
	local    netip.AddrPort // the bound address
	settings []setting      // the options that the guest has set, in order
	saved    [options]int   // the options' values when the placeholder was closed
	raw      syscall.RawConn
}

// setting is one option that was set.
type setting struct {
	o option
	v int
}

func (s *netSocket) openPlaceholder(f Family, kind int) error {
	h, err := openHandle(f, kind)
	if err != nil {
		return failure(err)
	}
	s.family, s.handle, s.open = f, h, true
	return nil
}

// closePlaceholder closes the handle, which frees its address. s.mu is held.
func (s *netSocket) closePlaceholder() {
	if !s.open {
		return
	}
	for o := range options {
		s.saved[o], _ = getOption(s.handle, s.family, o) // 0 if the system does not have it
	}
	closeHandle(s.handle)
	s.open = false
}

// adopt replaces the placeholder by a socket that net has opened, and sets the options again: some may have been set since
// it was opened. s.mu is held.
func (s *netSocket) adopt(c syscall.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return failure(err)
	}
	s.raw = raw
	return control(raw, s.apply)
}

// apply sets the guest's options on h. One that the system does not have was accepted only while there was no socket, and is
// ignored.
func (s *netSocket) apply(h handle) error {
	for _, set := range s.settings {
		if err := setOption(h, s.family, set.o, set.v); err != nil && !errno.Is(err, syscall.ENOPROTOOPT) {
			return err
		}
	}
	return nil
}

// control runs f with the handle of a socket of net's.
func control(raw syscall.RawConn, f func(h handle) error) error {
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(handle(fd)) }); err != nil {
		return failure(err)
	}
	return failure(inner)
}

// withHandle runs f with the current socket's handle; false if there is none. s.mu is held.
func (s *netSocket) withHandle(f func(h handle) error) (bool, error) {
	switch {
	case s.raw != nil:
		return true, control(s.raw, f)
	case s.open:
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
	there, err := s.withHandle(func(h handle) (err error) {
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
	there, err := s.withHandle(func(h handle) (err error) {
		v, err = getOption(h, s.family, o)
		return err
	})
	if !there {
		return s.saved[o], nil
	}
	return v, err
}

func (s *netSocket) setOption(o option, v int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := s.withHandle(func(h handle) error { return setOption(h, s.family, o, v) })
	if err != nil {
		return err
	}
	if !there {
		s.saved[o] = v
	}
	for i := range s.settings {
		if s.settings[i].o == o {
			s.settings[i].v = v
			return nil
		}
	}
	s.settings = append(s.settings, setting{o, v})
	return nil
}

// protocol is the name of the network for net.
func (s *netSocket) protocol(name string) string {
	if s.family == IPv6 {
		return name + "6" // without IPv4
	}
	return name + "4"
}

var always = wasiio.Always()
