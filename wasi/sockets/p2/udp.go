package socketsp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

type udpSocket struct{ s *sockets.UDP }

func (u udpSocket) Drop(context.Context) error { return u.s.Close() }

func (u udpSocket) StartBind(_ context.Context, n Network, at IPSocketAddress) error {
	network, err := networkOf(n)
	if err != nil {
		return err
	}
	return failure(u.s.StartBind(network, addrPort(at)))
}

func (u udpSocket) FinishBind(context.Context) error { return failure(u.s.FinishBind()) }

func (u udpSocket) Stream(_ context.Context, remote *IPSocketAddress) (s cm.Tuple2[IncomingDatagramStream, OutgoingDatagramStream], err error) {
	in, out, err := u.s.Stream(optional(remote))
	if err != nil {
		return s, failure(err)
	}
	s.F0, s.F1 = incoming{in}, &outgoing{s: out}
	return s, nil
}

func (u udpSocket) LocalAddress(context.Context) (IPSocketAddress, error) {
	return result(u.s.LocalAddr())
}

func (u udpSocket) RemoteAddress(context.Context) (IPSocketAddress, error) {
	return result(u.s.RemoteAddr())
}

func (u udpSocket) AddressFamily(context.Context) (IPAddressFamily, error) {
	return IPAddressFamily(u.s.Family()), nil
}

func (u udpSocket) UnicastHopLimit(context.Context) (uint8, error) { return orFailure(u.s.HopLimit()) }

func (u udpSocket) SetUnicastHopLimit(_ context.Context, v uint8) error {
	return failure(u.s.SetHopLimit(v))
}

func (u udpSocket) ReceiveBufferSize(context.Context) (uint64, error) {
	return orFailure(u.s.ReceiveBuffer())
}

func (u udpSocket) SetReceiveBufferSize(_ context.Context, v uint64) error {
	return failure(u.s.SetReceiveBuffer(v))
}

func (u udpSocket) SendBufferSize(context.Context) (uint64, error) {
	return orFailure(u.s.SendBuffer())
}

func (u udpSocket) SetSendBufferSize(_ context.Context, v uint64) error {
	return failure(u.s.SetSendBuffer(v))
}

// Subscribe returns a pollable that is ready: a guest waits for the streams of a UDP socket.
func (u udpSocket) Subscribe(context.Context) (iop2.Pollable, error) {
	return iop2.NewPollable(wasiio.Always()), nil
}

type incoming struct{ s *sockets.Incoming }

func (i incoming) Drop(context.Context) error { return i.s.Close() }

func (i incoming) Receive(_ context.Context, n uint64) ([]IncomingDatagram, error) {
	ds, err := i.s.Receive(n)
	if err != nil {
		return nil, failure(err)
	}
	out := make([]IncomingDatagram, len(ds))
	for k, d := range ds {
		out[k] = IncomingDatagram{Data: d.Data, RemoteAddress: socketAddress(d.Addr)}
	}
	return out, nil
}

func (i incoming) Subscribe(context.Context) (iop2.Pollable, error) {
	return iop2.NewPollable(i.s), nil
}

type outgoing struct {
	s      *sockets.Outgoing
	permit uint64 // unused rest of what the last check-send permitted
}

func (o *outgoing) Drop(context.Context) error { return o.s.Close() }

func (o *outgoing) CheckSend(context.Context) (uint64, error) {
	n, err := o.s.CheckSend()
	o.permit = n
	return n, failure(err)
}

func (o *outgoing) Send(_ context.Context, ds []OutgoingDatagram) (uint64, error) {
	if uint64(len(ds)) > o.permit {
		return 0, wasiio.Misuse("send: %d datagrams, check-send permitted %d", len(ds), o.permit)
	}
	o.permit -= uint64(len(ds))
	list := make([]sockets.Datagram, len(ds))
	for i, d := range ds {
		list[i] = sockets.Datagram{Data: d.Data, Addr: optional(d.RemoteAddress)}
	}
	return orFailure(o.s.Send(list))
}

func (o *outgoing) Subscribe(context.Context) (iop2.Pollable, error) {
	return iop2.NewPollable(o.s), nil
}
