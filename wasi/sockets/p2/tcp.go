package socketsp2

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

type tcpSocket struct{ s *sockets.TCP }

func (t tcpSocket) Drop(context.Context) error { return t.s.Close() }

func (t tcpSocket) StartBind(_ context.Context, n Network, at IPSocketAddress) error {
	network, err := networkOf(n)
	if err != nil {
		return err
	}
	return failure(t.s.StartBind(network, addrPort(at)))
}

func (t tcpSocket) FinishBind(context.Context) error { return failure(t.s.FinishBind()) }

func (t tcpSocket) StartConnect(ctx context.Context, n Network, to IPSocketAddress) error {
	network, err := networkOf(n)
	if err != nil {
		return err
	}
	if err := t.s.StartConnect(network, addrPort(to)); err != nil {
		return failure(err)
	}
	t.s.Observe(ctx)
	return nil
}

func (t tcpSocket) FinishConnect(context.Context) (c cm.Tuple2[iop2.InputStream, iop2.OutputStream], err error) {
	in, out, err := t.s.FinishConnect()
	if err != nil {
		return c, failure(err)
	}
	c.F0, c.F1 = iop2.NewInputStream(in), iop2.NewOutputStream(out)
	return c, nil
}

func (t tcpSocket) StartListen(context.Context) error { return failure(t.s.StartListen()) }

func (t tcpSocket) FinishListen(context.Context) error { return failure(t.s.FinishListen()) }

func (t tcpSocket) Accept(context.Context) (c cm.Tuple3[TCPSocket, iop2.InputStream, iop2.OutputStream], err error) {
	s, in, out, err := t.s.Accept()
	if err != nil {
		return c, failure(err)
	}
	c.F0, c.F1, c.F2 = tcpSocket{s}, iop2.NewInputStream(in), iop2.NewOutputStream(out)
	return c, nil
}

func (t tcpSocket) LocalAddress(context.Context) (IPSocketAddress, error) {
	return result(t.s.LocalAddr())
}

func (t tcpSocket) RemoteAddress(context.Context) (IPSocketAddress, error) {
	return result(t.s.RemoteAddr())
}

func (t tcpSocket) IsListening(context.Context) (bool, error) { return t.s.Listening(), nil }

func (t tcpSocket) AddressFamily(context.Context) (IPAddressFamily, error) {
	return IPAddressFamily(t.s.Family()), nil
}

func (t tcpSocket) SetListenBacklogSize(_ context.Context, v uint64) error {
	return failure(t.s.SetBacklog(v))
}

func (t tcpSocket) KeepAliveEnabled(context.Context) (bool, error) { return orFailure(t.s.KeepAlive()) }

func (t tcpSocket) SetKeepAliveEnabled(_ context.Context, v bool) error {
	return failure(t.s.SetKeepAlive(v))
}

func (t tcpSocket) KeepAliveIdleTime(context.Context) (clocksp2.Duration, error) {
	return nanoseconds(t.s.KeepAliveIdle())
}

func (t tcpSocket) SetKeepAliveIdleTime(_ context.Context, v clocksp2.Duration) error {
	return failure(t.s.SetKeepAliveIdle(v))
}

func (t tcpSocket) KeepAliveInterval(context.Context) (clocksp2.Duration, error) {
	return nanoseconds(t.s.KeepAliveInterval())
}

func (t tcpSocket) SetKeepAliveInterval(_ context.Context, v clocksp2.Duration) error {
	return failure(t.s.SetKeepAliveInterval(v))
}

func (t tcpSocket) KeepAliveCount(context.Context) (uint32, error) {
	return orFailure(t.s.KeepAliveCount())
}

func (t tcpSocket) SetKeepAliveCount(_ context.Context, v uint32) error {
	return failure(t.s.SetKeepAliveCount(v))
}

func (t tcpSocket) HopLimit(context.Context) (uint8, error) { return orFailure(t.s.HopLimit()) }

func (t tcpSocket) SetHopLimit(_ context.Context, v uint8) error { return failure(t.s.SetHopLimit(v)) }

func (t tcpSocket) ReceiveBufferSize(context.Context) (uint64, error) {
	return orFailure(t.s.ReceiveBuffer())
}

func (t tcpSocket) SetReceiveBufferSize(_ context.Context, v uint64) error {
	return failure(t.s.SetReceiveBuffer(v))
}

func (t tcpSocket) SendBufferSize(context.Context) (uint64, error) {
	return orFailure(t.s.SendBuffer())
}

func (t tcpSocket) SetSendBufferSize(_ context.Context, v uint64) error {
	return failure(t.s.SetSendBuffer(v))
}

func (t tcpSocket) Subscribe(context.Context) (iop2.Pollable, error) {
	return iop2.NewPollable(t.s), nil
}

func (t tcpSocket) Shutdown(_ context.Context, how ShutdownType) error {
	return failure(t.s.Shutdown(how != ShutdownTypeSend, how != ShutdownTypeReceive))
}

func nanoseconds(d time.Duration, err error) (clocksp2.Duration, error) {
	return uint64(d), failure(err)
}

func orFailure[T any](v T, err error) (T, error) { return v, failure(err) }
