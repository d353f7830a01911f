package sockets

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// netDatagram is a UDP socket of Go's net. The socket is never connected, because disconnecting differs between systems:
// the peer is a field of this type. So a refused datagram is not reported, and datagrams of other senders are received and
// dropped by the stream.
type netDatagram struct {
	netSocket
	conn   *net.UDPConn
	queue  *datagrams
	remote netip.AddrPort
}

func newNetDatagram(f Family) (datagramSystem, error) {
	s := &netDatagram{}
	if err := s.openPlaceholder(f, datagramKind); err != nil {
		return nil, err
	}
	return s, nil
}

// bind refuses multicast groups: net would bind to all addresses instead.
func (s *netDatagram) bind(at netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.open:
		return failed(CodeInvalidState)
	case at.Addr().IsMulticast():
		return failed("address-not-bindable")
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(h handle) error {
			if err := noBroadcast(h); err != nil { // net allows broadcast
				return err
			}
			return s.apply(h)
		})
	}}
	c, err := lc.ListenPacket(context.Background(), s.protocol("udp"), at.String())
	if err != nil {
		return failure(err)
	}
	s.closePlaceholder()
	s.conn = c.(*net.UDPConn)
	s.queue = &datagrams{from: s.conn}
	return s.adopt(s.conn)
}

func (s *netDatagram) connect(to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remote = to
	return nil
}

func (s *netDatagram) disconnect() error { return s.connect(netip.AddrPort{}) }

// sendTimeout bounds the time until the system has accepted a datagram, which only its full buffers delay.
const sendTimeout = 10 * time.Millisecond

func (s *netDatagram) send(p []byte) error {
	s.mu.Lock()
	to := s.remote
	s.mu.Unlock()
	return s.sendTo(p, to)
}

func (s *netDatagram) sendTo(p []byte, to netip.AddrPort) error {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return failed(CodeInvalidState)
	}
	if len(p) > maxDatagram {
		return failed(CodeDatagramTooLarge)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return failure(err)
	}
	_, err := conn.WriteToUDPAddrPort(p, to)
	if t, ok := err.(net.Error); ok && t.Timeout() {
		return failed(CodeWouldBlock)
	}
	return failure(err)
}

func (s *netDatagram) recvFrom(p []byte) (int, netip.AddrPort, error) {
	s.mu.Lock()
	q := s.queue
	s.mu.Unlock()
	if q == nil {
		return 0, netip.AddrPort{}, failed(CodeInvalidState)
	}
	d, err := q.take()
	if err != nil {
		return 0, netip.AddrPort{}, failure(err)
	}
	return copy(p, d.Data), d.Addr, nil
}

func (s *netDatagram) readable() wasiio.Pollable {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue == nil {
		return always
	}
	return s.queue
}

func (s *netDatagram) writable() wasiio.Pollable { return always }

func (s *netDatagram) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.closePlaceholder()
	if s.queue != nil {
		s.queue.close()
	}
}

// queuedBytes bounds what is received ahead of the guest. The system buffers some more, and drops the rest.
const queuedBytes = 64 << 10

// datagrams is a queue that a goroutine fills ahead of the guest.
type datagrams struct {
	wasiio.Event
	from *net.UDPConn

	mu      sync.Mutex
	running bool // a goroutine receives
	queue   []Datagram
	bytes   int
	err     error
	closed  bool
}

// Ready implements [wasiio.Pollable]. It starts to receive if the queue is empty.
func (q *datagrams) Ready() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) > 0 || q.err != nil || q.closed {
		return true
	}
	q.receive()
	return false
}

// take returns the next datagram, or fails with would-block.
func (q *datagrams) take() (Datagram, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.queue) > 0:
		d := q.queue[0]
		q.queue[0] = Datagram{}
		q.queue = q.queue[1:]
		q.bytes -= len(d.Data)
		return d, nil
	case q.err != nil:
		err := q.err
		q.err = nil
		return Datagram{}, err
	case q.closed:
		return Datagram{}, failed(CodeInvalidState)
	}
	q.receive()
	return Datagram{}, failed(CodeWouldBlock)
}

// receive starts the goroutine if it does not run. q.mu is held.
func (q *datagrams) receive() {
	if q.running {
		return
	}
	q.running = true
	go func() {
		buf := make([]byte, maxDatagram)
		for more := true; more; {
			n, from, err := q.from.ReadFromUDPAddrPort(buf)
			more = q.add(buf[:n], from, err)
			q.Notify()
		}
	}()
}

// add queues a datagram or keeps err, and says whether there is room for more.
func (q *datagrams) add(p []byte, from netip.AddrPort, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil && !q.closed {
		q.queue = append(q.queue, Datagram{Data: append([]byte(nil), p...), Addr: numbered(from)})
		q.bytes += len(p)
	}
	q.running = err == nil && !q.closed && len(q.queue) < MaxDatagrams && q.bytes < queuedBytes
	if err != nil && !q.closed {
		q.err = err
	}
	return q.running
}

func (q *datagrams) close() {
	q.mu.Lock()
	q.closed, q.queue = true, nil
	q.mu.Unlock()
	_ = q.from.Close() // the system has accepted all that was sent
	q.Notify()
}

// numbered is an address with its zone as a number, as system calls give it. net prefers names.
func numbered(at netip.AddrPort) netip.AddrPort {
	a := at.Addr()
	zone := a.Zone()
	if zone == "" {
		return at
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		zone = strconv.Itoa(i.Index)
	}
	return netip.AddrPortFrom(a.WithZone(zone), at.Port())
}
