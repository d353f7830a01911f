package socketsp3

import (
	"context"
	"net/netip"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// udpSocket is the resource udp-socket.
type udpSocket struct {
	s       *sockets.UDP
	network *sockets.Network

	mu        sync.Mutex
	in        *sockets.Incoming // nil: not bound
	out       *sockets.Outgoing
	connected bool
}

func (u *udpSocket) Drop(context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closeStreams()
	return u.s.Close()
}

// closeStreams ends the streams below. u.mu is held.
func (u *udpSocket) closeStreams() {
	if u.in != nil {
		_ = u.in.Close()
		_ = u.out.Close()
	}
}

// stream has the socket exchange datagrams with remote only, or with anybody if that is invalid. u.mu is held.
func (u *udpSocket) stream(remote netip.AddrPort) error {
	in, out, err := u.s.Stream(remote)
	if err != nil {
		return err
	}
	u.closeStreams()
	u.in, u.out, u.connected = in, out, remote.IsValid()
	return nil
}

// bind binds the socket. u.mu is held.
func (u *udpSocket) bind(at netip.AddrPort) error {
	if err := u.s.StartBind(u.network, at); err != nil {
		return err
	}
	if err := u.s.FinishBind(); err != nil {
		return err
	}
	return u.stream(netip.AddrPort{})
}

// bindAny binds a socket that is not bound to a free port. u.mu is held.
func (u *udpSocket) bindAny() error {
	if u.in != nil {
		return nil
	}
	any := netip.IPv4Unspecified()
	if u.s.Family() != sockets.IPv4 {
		any = netip.IPv6Unspecified()
	}
	return u.bind(netip.AddrPortFrom(any, 0))
}

func (u *udpSocket) Bind(_ context.Context, at IPSocketAddress) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return failure(u.bind(addrPort(at)))
}

func (u *udpSocket) Connect(_ context.Context, to IPSocketAddress) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.bindAny(); err != nil {
		return failure(err)
	}
	return failure(u.stream(addrPort(to)))
}

func (u *udpSocket) Disconnect(context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.connected {
		return failure(errState)
	}
	return failure(u.stream(netip.AddrPort{}))
}

// sender is the stream that datagrams go out by now.
func (u *udpSocket) sender() (*sockets.Outgoing, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.bindAny(); err != nil {
		return nil, err
	}
	return u.out, nil
}

// Send waits until the system takes the datagram.
func (u *udpSocket) Send(ctx context.Context, data []byte, to *IPSocketAddress) error {
	for {
		out, err := u.sender()
		if err != nil {
			return failure(err)
		}
		n, err := out.Send([]sockets.Datagram{{Data: data, Addr: optional(to)}})
		if err != nil || n == 1 {
			return failure(err)
		}
		if err := wasiio.Wait(ctx, out); err != nil {
			return err
		}
	}
}

// Receive waits for a datagram.
func (u *udpSocket) Receive(ctx context.Context) (cm.Tuple2[[]byte, IPSocketAddress], error) {
	var none cm.Tuple2[[]byte, IPSocketAddress]
	for {
		u.mu.Lock()
		in := u.in
		u.mu.Unlock()
		if in == nil {
			return none, failure(errState)
		}
		got, err := in.Receive(1)
		if err != nil && u.replaced(in) {
			continue
		}
		if err != nil {
			return none, failure(err)
		}
		if len(got) == 1 {
			return cm.Tuple2[[]byte, IPSocketAddress]{F0: got[0].Data, F1: socketAddress(got[0].Addr)}, nil
		}
		if err := wasiio.Wait(ctx, in); err != nil {
			return none, err
		}
	}
}

// replaced says that the socket has been connected, or disconnected, since in was what it received by.
func (u *udpSocket) replaced(in *sockets.Incoming) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.in != in
}

func (u *udpSocket) GetLocalAddress(context.Context) (IPSocketAddress, error) {
	return result(u.s.LocalAddr())
}

func (u *udpSocket) GetRemoteAddress(context.Context) (IPSocketAddress, error) {
	return result(u.s.RemoteAddr())
}

func (u *udpSocket) GetAddressFamily(context.Context) (IPAddressFamily, error) {
	return IPAddressFamily(u.s.Family()), nil
}

func (u *udpSocket) GetUnicastHopLimit(context.Context) (uint8, error) {
	return orFailure(u.s.HopLimit())
}

func (u *udpSocket) SetUnicastHopLimit(_ context.Context, v uint8) error {
	return failure(u.s.SetHopLimit(v))
}

func (u *udpSocket) GetReceiveBufferSize(context.Context) (uint64, error) {
	return orFailure(u.s.ReceiveBuffer())
}

func (u *udpSocket) SetReceiveBufferSize(_ context.Context, v uint64) error {
	return failure(u.s.SetReceiveBuffer(v))
}

func (u *udpSocket) GetSendBufferSize(context.Context) (uint64, error) {
	return orFailure(u.s.SendBuffer())
}

func (u *udpSocket) SetSendBufferSize(_ context.Context, v uint64) error {
	return failure(u.s.SetSendBuffer(v))
}
