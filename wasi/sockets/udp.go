package sockets

import (
	"math"
	"net/netip"
	"sync"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// MaxDatagrams bounds the datagrams of one Receive and one CheckSend.
const MaxDatagrams = 16

// maxDatagram is the largest payload that UDP can carry.
const maxDatagram = 65535

// Datagram is one message and where it comes from or goes to. An invalid address is that of the stream.
type Datagram struct {
	Data []byte
	Addr netip.AddrPort
}

// UDP is a UDP socket. As a pollable it is always ready.
type UDP struct {
	family Family
	s      *sock[datagramSystem]

	mu      sync.Mutex
	state   tcpState // unbound, bindInProgress, bound, closed
	network *Network
	open    bool           // may receive from anybody
	remote  netip.AddrPort // of the last Stream; may be invalid
	session int            // counts Streams
}

// scratch has buffers to receive a datagram into before it is copied.
var scratch = sync.Pool{New: func() any { return new([maxDatagram]byte) }}

// NewUDP makes an unbound socket. IPv6 sockets do not carry IPv4.
func (n *Network) NewUDP(f Family) (*UDP, error) {
	s, err := openSock(n, func() (datagramSystem, error) { return n.sys.datagram(f) })
	if err != nil {
		return nil, err
	}
	return &UDP{family: f, s: s}, nil
}

// Family is the socket's.
func (u *UDP) Family() Family { return u.family }

// StartBind binds to an address of this machine; port 0 is a port of the system's choice.
func (u *UDP) StartBind(n *Network, at netip.AddrPort) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch u.state {
	case unbound:
	case bindInProgress:
		return failed(CodeConcurrencyConflict)
	default:
		return failed(CodeInvalidState)
	}
	if err := checkFamily(u.family, at); err != nil {
		return err
	}
	if !n.mayBind(at) {
		return n.refused(useListen, at.String())
	}
	if err := u.s.sys.bind(at); err != nil {
		return err
	}
	u.state, u.network, u.open = bindInProgress, n, n.mayListen(at)
	return nil
}

// FinishBind finishes StartBind.
func (u *UDP) FinishBind() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != bindInProgress {
		return failed(CodeNotInProgress)
	}
	u.state = bound
	return nil
}

// Stream returns streams to send and receive with one peer if remote is valid, with any otherwise. Streams of an earlier call
// fail with invalid-state from then on.
func (u *UDP) Stream(remote netip.AddrPort) (*Incoming, *Outgoing, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != bound {
		return nil, nil, failed(CodeInvalidState)
	}
	if remote.IsValid() {
		if err := checkRemote(u.family, remote); err != nil {
			return nil, nil, err
		}
		if !u.network.mayConnect(remote) {
			return nil, nil, u.network.refused(useConnect, remote.String())
		}
	}
	if u.remote.IsValid() {
		if err := u.s.sys.disconnect(); err != nil {
			return nil, nil, err
		}
		u.remote = netip.AddrPort{}
	}
	if remote.IsValid() {
		if err := u.s.sys.connect(remote); err != nil {
			return nil, nil, err
		}
		u.remote = remote
	}
	u.session++
	return &Incoming{flow{u: u, session: u.session, remote: remote, s: u.s.retain()}},
		&Outgoing{flow{u: u, session: u.session, remote: remote, s: u.s.retain()}}, nil
}

// LocalAddr is the bound address.
func (u *UDP) LocalAddr() (netip.AddrPort, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != bound {
		return netip.AddrPort{}, failed(CodeInvalidState)
	}
	return u.s.sys.localAddr()
}

// RemoteAddr is the peer of the last Stream.
func (u *UDP) RemoteAddr() (netip.AddrPort, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != bound || !u.remote.IsValid() {
		return netip.AddrPort{}, failed(CodeInvalidState)
	}
	return u.remote, nil
}

// Close releases the socket. Its streams fail from then on.
func (u *UDP) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != closed {
		u.state = closed
		u.s.release()
	}
	return nil
}

func (u *UDP) option(o option) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state == closed {
		return 0, failed(CodeInvalidState)
	}
	return u.s.sys.option(o)
}

func (u *UDP) setOption(o option, v int) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state == closed {
		return failed(CodeInvalidState)
	}
	return u.s.sys.setOption(o, v)
}

// HopLimit bounds how many routers a datagram passes.
func (u *UDP) HopLimit() (uint8, error) {
	v, err := u.option(hopLimit)
	return uint8(v), err
}

// SetHopLimit is its setter.
func (u *UDP) SetHopLimit(n uint8) error {
	v, err := clamp(uint64(n), math.MaxUint8)
	if err != nil {
		return err
	}
	return u.setOption(hopLimit, v)
}

// ReceiveBuffer and SendBuffer are the sizes of the system's buffers.
func (u *UDP) ReceiveBuffer() (uint64, error) { return size(u.option(receiveBuffer)) }

// SendBuffer is described at ReceiveBuffer.
func (u *UDP) SendBuffer() (uint64, error) { return size(u.option(sendBuffer)) }

// SetReceiveBuffer and SetSendBuffer set a size; the system may use another.
func (u *UDP) SetReceiveBuffer(n uint64) error { return setSize(u.setOption, receiveBuffer, n) }

// SetSendBuffer is described at SetReceiveBuffer.
func (u *UDP) SetSendBuffer(n uint64) error { return setSize(u.setOption, sendBuffer, n) }

// flow is one direction of a Stream.
type flow struct {
	u       *UDP
	session int
	remote  netip.AddrPort
	s       *sock[datagramSystem]
	once    sync.Once
}

// checkCurrent refuses a flow that a later Stream has replaced. u.mu is held.
func (f *flow) checkCurrent() error {
	if f.u.state != bound || f.session != f.u.session {
		return failed(CodeInvalidState)
	}
	return nil
}

// Close releases the flow.
func (f *flow) Close() error {
	f.once.Do(f.s.release)
	return nil
}

// Incoming receives datagrams. As a pollable it is ready when there may be one.
type Incoming struct{ flow }

var _ wasiio.Pollable = (*Incoming)(nil)

// Ready implements [wasiio.Pollable].
func (i *Incoming) Ready() bool { return i.s.sys.readable().Ready() }

// Watch implements [wasiio.Pollable].
func (i *Incoming) Watch(wake chan<- struct{}) (stop func()) { return i.s.sys.readable().Watch(wake) }

// Receive returns up to n datagrams without blocking, or none. Datagrams from others than the stream's peer or, without a
// Listen grant, from others than the guest may connect to, are dropped.
func (i *Incoming) Receive(n uint64) ([]Datagram, error) {
	u := i.u
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := i.checkCurrent(); err != nil {
		return nil, err
	}
	buf := scratch.Get().(*[maxDatagram]byte)
	defer scratch.Put(buf)
	var got []Datagram
	for uint64(len(got)) < min(n, MaxDatagrams) {
		k, from, err := i.s.sys.recvFrom(buf[:])
		if err != nil {
			if len(got) > 0 || wouldBlock(err) {
				return got, nil
			}
			return nil, err
		}
		if i.remote.IsValid() && from != i.remote || !i.remote.IsValid() && !u.open && !u.network.mayConnect(from) {
			continue
		}
		got = append(got, Datagram{Data: append([]byte(nil), buf[:k]...), Addr: from})
	}
	return got, nil
}

// Outgoing sends datagrams. As a pollable it is ready when CheckSend would return more than 0.
type Outgoing struct{ flow }

var _ wasiio.Pollable = (*Outgoing)(nil)

// Ready implements [wasiio.Pollable].
func (o *Outgoing) Ready() bool { return o.s.sys.writable().Ready() }

// Watch implements [wasiio.Pollable].
func (o *Outgoing) Watch(wake chan<- struct{}) (stop func()) { return o.s.sys.writable().Watch(wake) }

// CheckSend returns how many datagrams may be sent now.
func (o *Outgoing) CheckSend() (uint64, error) {
	o.u.mu.Lock()
	defer o.u.mu.Unlock()
	if err := o.checkCurrent(); err != nil {
		return 0, err
	}
	if !o.s.sys.writable().Ready() {
		return 0, nil
	}
	return MaxDatagrams, nil
}

// Send sends datagrams in order until one fails or the system is busy, and returns how many were sent. An error is that of
// the first datagram.
func (o *Outgoing) Send(ds []Datagram) (uint64, error) {
	o.u.mu.Lock()
	defer o.u.mu.Unlock()
	if err := o.checkCurrent(); err != nil {
		return 0, err
	}
	for i, d := range ds {
		if err := o.send(d); err != nil {
			if i > 0 || wouldBlock(err) {
				return uint64(i), nil
			}
			return 0, err
		}
	}
	return uint64(len(ds)), nil
}

func (o *Outgoing) send(d Datagram) error {
	if o.remote.IsValid() {
		if d.Addr.IsValid() && d.Addr != o.remote {
			return failed(CodeInvalidArgument)
		}
		return o.s.sys.send(d.Data)
	}
	if err := checkRemote(o.u.family, d.Addr); err != nil {
		return err
	}
	if !o.u.network.mayConnect(d.Addr) {
		return o.u.network.refused(useConnect, d.Addr.String())
	}
	return o.s.sys.sendTo(d.Data, d.Addr)
}
