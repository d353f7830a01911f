package socketsp3

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// tcpSocket is the resource tcp-socket.
type tcpSocket struct{ *connection }

// The types of what tells of a stream's end.
type (
	bytesReader  = *cm.StreamReader[uint8]
	resultReader = *cm.FutureReader[flow.Result[TypesErrorCode]]
)

func (t *tcpSocket) Drop(context.Context) error {
	t.release()
	return nil
}

func (t *tcpSocket) Bind(_ context.Context, at IPSocketAddress) error {
	return failure(t.bind(addrPort(at)))
}

func (t *tcpSocket) Connect(ctx context.Context, to IPSocketAddress) error {
	return failure(t.connect(ctx, addrPort(to)))
}

// Listen gives a stream of connections, which ends with its reader or with the store.
func (t *tcpSocket) Listen(ctx context.Context) (*cm.StreamReader[TCPSocket], error) {
	if err := t.listen(); err != nil {
		return nil, failure(err)
	}
	w, r := cm.NewStream[TCPSocket]()
	t.retain()
	err := flow.FeedValues(flow.Of(ctx), w, t.accept, func(s TCPSocket) { s.(*tcpSocket).release() }, func(context.Context, error) { t.release() })
	if err != nil {
		t.release()
		return nil, err
	}
	return r, nil
}

// Send sends what comes by data, and after its end that there is no more.
func (t *tcpSocket) Send(ctx context.Context, data bytesReader) (resultReader, error) {
	ended, end := flow.Outcome(errorCode)
	out := t.takeOutput()
	if out == nil {
		flow.Of(ctx).Refused(data, errState, end)
		return ended, nil
	}
	err := flow.Of(ctx).Take(data, false, func(ctx context.Context, p []byte) error { return wasiio.WriteAndFlush(ctx, out, p) },
		func(ctx context.Context, err error) {
			_ = out.Close() // the end is sent after the last byte
			if d, ok := out.(interface{ Drain(context.Context) error }); ok && err == nil {
				err = d.Drain(ctx)
			}
			t.release()
			end(ctx, err)
		})
	if err != nil {
		_ = out.Close()
		t.release()
	}
	return ended, err
}

// Receive gives what comes as the guest asks for it. To drop the stream refuses the rest.
func (t *tcpSocket) Receive(ctx context.Context) (cm.Tuple2[bytesReader, resultReader], error) {
	w, r := cm.NewStream[uint8]()
	ended, end := flow.Outcome(errorCode)
	both := cm.Tuple2[bytesReader, resultReader]{F0: r, F1: ended}
	in := t.takeInput()
	if in == nil {
		flow.Failed(flow.Of(ctx), w, errState, end)
		return both, nil
	}
	err := flow.Of(ctx).Feed(w, flow.SourceFunc(func(ctx context.Context, p []byte) (int, error) { return wasiio.BlockingRead(ctx, in, p) }),
		func(ctx context.Context, err error) {
			if err == nil {
				_ = t.s.Shutdown(true, false) // after the end it changes nothing
			}
			_ = in.Close()
			t.release()
			end(ctx, err)
		})
	if err != nil {
		_ = in.Close()
		t.release()
	}
	return both, err
}

func (t *tcpSocket) GetLocalAddress(context.Context) (IPSocketAddress, error) {
	return result(t.s.LocalAddr())
}

func (t *tcpSocket) GetRemoteAddress(context.Context) (IPSocketAddress, error) {
	return result(t.s.RemoteAddr())
}

func (t *tcpSocket) GetIsListening(context.Context) (bool, error) { return t.s.Listening(), nil }

func (t *tcpSocket) GetAddressFamily(context.Context) (IPAddressFamily, error) {
	return IPAddressFamily(t.s.Family()), nil
}

func (t *tcpSocket) SetListenBacklogSize(_ context.Context, v uint64) error {
	return failure(t.s.SetBacklog(v))
}

func (t *tcpSocket) GetKeepAliveEnabled(context.Context) (bool, error) {
	return orFailure(t.s.KeepAlive())
}

func (t *tcpSocket) SetKeepAliveEnabled(_ context.Context, v bool) error {
	return failure(t.s.SetKeepAlive(v))
}

func (t *tcpSocket) GetKeepAliveIdleTime(context.Context) (clocksp3.Duration, error) {
	return nanoseconds(t.s.KeepAliveIdle())
}

func (t *tcpSocket) SetKeepAliveIdleTime(_ context.Context, v clocksp3.Duration) error {
	return failure(t.s.SetKeepAliveIdle(v))
}

func (t *tcpSocket) GetKeepAliveInterval(context.Context) (clocksp3.Duration, error) {
	return nanoseconds(t.s.KeepAliveInterval())
}

func (t *tcpSocket) SetKeepAliveInterval(_ context.Context, v clocksp3.Duration) error {
	return failure(t.s.SetKeepAliveInterval(v))
}

func (t *tcpSocket) GetKeepAliveCount(context.Context) (uint32, error) {
	return orFailure(t.s.KeepAliveCount())
}

func (t *tcpSocket) SetKeepAliveCount(_ context.Context, v uint32) error {
	return failure(t.s.SetKeepAliveCount(v))
}

func (t *tcpSocket) GetHopLimit(context.Context) (uint8, error) { return orFailure(t.s.HopLimit()) }

func (t *tcpSocket) SetHopLimit(_ context.Context, v uint8) error {
	return failure(t.s.SetHopLimit(v))
}

func (t *tcpSocket) GetReceiveBufferSize(context.Context) (uint64, error) {
	return orFailure(t.s.ReceiveBuffer())
}

func (t *tcpSocket) SetReceiveBufferSize(_ context.Context, v uint64) error {
	return failure(t.s.SetReceiveBuffer(v))
}

func (t *tcpSocket) GetSendBufferSize(context.Context) (uint64, error) {
	return orFailure(t.s.SendBuffer())
}

func (t *tcpSocket) SetSendBufferSize(_ context.Context, v uint64) error {
	return failure(t.s.SetSendBuffer(v))
}

func nanoseconds(d time.Duration, err error) (clocksp3.Duration, error) {
	return clocksp3.Duration(d), failure(err)
}
