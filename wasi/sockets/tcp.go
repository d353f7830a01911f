package sockets

import (
	"context"
	"net/netip"
	"sync"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// tcpState is the state of a socket (WASI: Operational semantics of TCP sockets, §States).
type tcpState uint8

const (
	unbound tcpState = iota
	bindInProgress
	bound
	listenInProgress
	listening
	connectInProgress
	connected
	closed
)

const defaultBacklog = 128

// TCP is a TCP socket. As a pollable it is ready when the operation under way can be finished or, listening, when a client
// can be accepted; in all other states it is always ready.
type TCP struct {
	family Family
	s      *sock[streamSystem]

	mu      sync.Mutex
	state   tcpState
	network *Network       // set by bind and connect
	local   netip.AddrPort // argument of bind
	backlog int
	in      *input
	out     *wasiio.Writer
	dropped bool
}

// NewTCP makes an unbound socket. IPv6 sockets do not carry IPv4.
func (n *Network) NewTCP(f Family) (*TCP, error) {
	s, err := openSock(n, func() (streamSystem, error) { return n.sys.stream(f) })
	if err != nil {
		return nil, err
	}
	return &TCP{family: f, s: s, backlog: defaultBacklog}, nil
}

// Family is the socket's.
func (t *TCP) Family() Family { return t.family }

// Ready implements [wasiio.Pollable].
func (t *TCP) Ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state {
	case listening:
		return t.s.sys.readable().Ready()
	case connectInProgress:
		return t.s.sys.writable().Ready()
	}
	return true
}

// Watch implements [wasiio.Pollable].
func (t *TCP) Watch(wake chan<- struct{}) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state {
	case listening:
		return t.s.sys.readable().Watch(wake)
	case connectInProgress:
		return t.s.sys.writable().Watch(wake)
	}
	return func() {}
}

// begin refuses an operation in a state where it cannot start.
func (t *TCP) begin(from ...tcpState) error {
	for _, s := range from {
		if t.state == s {
			return nil
		}
	}
	switch t.state {
	case bindInProgress, listenInProgress, connectInProgress:
		return failed(CodeConcurrencyConflict)
	}
	return failed(CodeInvalidState)
}

// StartBind binds to an address of this machine; port 0 is a port of the system's choice.
func (t *TCP) StartBind(n *Network, at netip.AddrPort) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.begin(unbound); err != nil {
		return err
	}
	if err := checkFamily(t.family, at); err != nil {
		return err
	}
	if !isUnicast(at.Addr()) {
		return failed(CodeInvalidArgument)
	}
	if !n.mayBind(at) {
		return n.refused(useListen, at.String())
	}
	if err := t.s.sys.bind(at); err != nil {
		return err
	}
	t.state, t.network, t.local = bindInProgress, n, at
	return nil
}

// FinishBind finishes StartBind.
func (t *TCP) FinishBind() error { return t.finish(bindInProgress, bound) }

func (t *TCP) finish(from, to tcpState) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != from {
		return failed(CodeNotInProgress)
	}
	t.state = to
	return nil
}

// StartListen starts to listen on the bound address.
func (t *TCP) StartListen() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.begin(bound); err != nil {
		return err
	}
	if !t.network.mayListen(t.local) {
		return t.network.refused(useListen, t.local.String())
	}
	if err := t.s.sys.listen(t.backlog); err != nil {
		t.state = closed
		return err
	}
	t.state = listenInProgress
	return nil
}

// FinishListen finishes StartListen.
func (t *TCP) FinishListen() error { return t.finish(listenInProgress, listening) }

// StartConnect begins to connect. A failed attempt closes the socket; a destination that is invalid or not granted does not
// change it.
func (t *TCP) StartConnect(n *Network, to netip.AddrPort) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.begin(unbound, bound); err != nil {
		return err
	}
	if err := checkRemote(t.family, to); err != nil {
		return err
	}
	if !isUnicast(to.Addr()) || t.network != nil && t.network != n {
		return failed(CodeInvalidArgument)
	}
	if !n.mayConnect(to) {
		return n.refused(useConnect, to.String())
	}
	if err := t.s.sys.connect(to); err != nil {
		t.state = closed
		return err
	}
	t.state, t.network = connectInProgress, n
	return nil
}

// Observe tells the guest's [Member] of a connection that StartConnect has begun in the loopback, in the context of the guest's call.
func (t *TCP) Observe(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.s.sys.(*loopStream); ok && t.state == connectInProgress {
		s.observe(ctx)
	}
}

// FinishConnect returns the streams of the established connection, or fails with would-block.
func (t *TCP) FinishConnect() (wasiio.InputStream, wasiio.OutputStream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != connectInProgress {
		return nil, nil, failed(CodeNotInProgress)
	}
	if err := t.s.sys.pending(); err != nil {
		if !wouldBlock(err) {
			t.state = closed
		}
		return nil, nil, err
	}
	in, out := t.streams()
	return in, out, nil
}

func (t *TCP) streams() (wasiio.InputStream, wasiio.OutputStream) {
	t.state = connected
	t.in = &input{s: t.s.retain()}
	t.out = wasiio.NewWriter(sink{t.s.retain()})
	return t.in, t.out
}

// Accept returns the next connection and its streams, or fails with would-block.
func (t *TCP) Accept() (*TCP, wasiio.InputStream, wasiio.OutputStream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != listening {
		return nil, nil, nil, failed(CodeInvalidState)
	}
	s, err := openSock(t.s.guest, t.s.sys.accept)
	if err != nil {
		return nil, nil, nil, err
	}
	c := &TCP{family: t.family, s: s, network: t.network, backlog: defaultBacklog}
	in, out := c.streams()
	return c, in, out, nil
}

// LocalAddr is the bound address.
func (t *TCP) LocalAddr() (netip.AddrPort, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state {
	case unbound, bindInProgress, closed:
		return netip.AddrPort{}, failed(CodeInvalidState)
	}
	return t.s.sys.localAddr()
}

// RemoteAddr is the address that the socket is connected to.
func (t *TCP) RemoteAddr() (netip.AddrPort, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != connected {
		return netip.AddrPort{}, failed(CodeInvalidState)
	}
	return t.s.sys.remoteAddr()
}

// Listening says whether clients can be accepted.
func (t *TCP) Listening() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state == listening
}

// Shutdown ends one or both directions of a connection. Bytes that were written before are still sent.
func (t *TCP) Shutdown(receive, send bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != connected {
		return failed(CodeInvalidState)
	}
	if receive {
		t.in.end()
		if err := t.s.sys.shutdown(true, false); err != nil {
			return err
		}
	}
	if send {
		return t.out.Close() // which shuts down after the last byte
	}
	return nil
}

// Close releases the socket. The connection ends when its streams have been closed too and all written bytes are sent.
func (t *TCP) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return nil
	}
	t.state, t.dropped = closed, true
	if t.out != nil {
		_ = t.s.sys.setWriteDeadline(time.Now().Add(linger)) // it fails for a socket that is closed
	}
	t.s.release()
	return nil
}
