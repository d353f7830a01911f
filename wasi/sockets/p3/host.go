package socketsp3

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// Add defines wasi:sockets for guests that may do what policy grants; nil grants nothing.
func Add(l *component.Linker, policy *sockets.Policy) {
	if policy == nil {
		policy = &sockets.Policy{}
	}
	AddTypes(l, host{policy})
	AddIPNameLookup(l, host{policy})
}

type host struct{ policy *sockets.Policy }

// network is that of the store: each guest has its own lookups and its own number of sockets.
func (h host) network(ctx context.Context) *sockets.Network {
	return component.StoreValue(ctx, sockets.StoreKey{}, func() any { return sockets.NewNetwork(h.policy) }).(*sockets.Network)
}

// TCPSocketCreate implements [Types].
func (h host) TCPSocketCreate(ctx context.Context, f IPAddressFamily) (TCPSocket, error) {
	n := h.network(ctx)
	s, err := n.NewTCP(sockets.Family(f))
	if err != nil {
		return nil, failure(err)
	}
	return &tcpSocket{connection: newConnection(s, n)}, nil
}

// UDPSocketCreate implements [Types].
func (h host) UDPSocketCreate(ctx context.Context, f IPAddressFamily) (UDPSocket, error) {
	n := h.network(ctx)
	s, err := n.NewUDP(sockets.Family(f))
	if err != nil {
		return nil, failure(err)
	}
	return &udpSocket{s: s, network: n}, nil
}

// lookupBytes is the charge for a lookup: its addresses, of 24 bytes each, and the resolver's memory.
const lookupBytes = 8 << 10

// ResolveAddresses implements [IPNameLookup].
func (h host) ResolveAddresses(ctx context.Context, name string) ([]IPAddress, error) {
	var held cm.Holding
	if err := held.Hold(ctx, lookupBytes); err != nil {
		return nil, cm.FailFor(ErrorCodeOther(nil), err)
	}
	defer held.Release()
	l, err := h.network(ctx).Resolve(name)
	if err != nil {
		return nil, lookupFailure(err)
	}
	defer l.Close() //nolint:errcheck // it never fails
	if err := wasiio.Wait(ctx, l); err != nil {
		return nil, err
	}
	var all []IPAddress
	for {
		a, err := l.Next()
		if err != nil {
			return nil, lookupFailure(err)
		}
		if !a.IsValid() {
			return all, nil
		}
		all = append(all, ipAddress(a))
	}
}

var lookupCodes = func() map[sockets.Code]ErrorCodeTag {
	m := map[sockets.Code]ErrorCodeTag{}
	for c := range ErrorCodeTagOther {
		m[sockets.Code(c.String())] = c
	}
	return m
}()

// lookupFailure turns a *sockets.Error into the guest's error; other errors stay as they are.
func lookupFailure(err error) error {
	var se *sockets.Error
	if !errors.As(err, &se) {
		return err
	}
	if tag, ok := lookupCodes[se.Code]; ok {
		return cm.FailFor(ErrorCode{Tag: tag}, se)
	}
	code := string(se.Code)
	return cm.FailFor(ErrorCodeOther(&code), se)
}

var errorCodes = func() map[sockets.Code]TypesErrorCodeTag {
	m := map[sockets.Code]TypesErrorCodeTag{
		sockets.CodeConcurrencyConflict: TypesErrorCodeTagInvalidState,
		sockets.CodeNotInProgress:       TypesErrorCodeTagInvalidState,
		sockets.CodeSocketLimit:         TypesErrorCodeTagOutOfMemory,
	}
	for c := range TypesErrorCodeTagOther {
		m[sockets.Code(c.String())] = c
	}
	return m
}()

// errorCode converts an error of the capability; of another one the guest is told nothing more.
func errorCode(err error) TypesErrorCode {
	var se *sockets.Error
	switch {
	case errors.Is(err, wasiio.ErrReaderGone):
		return TypesErrorCodeConnectionBroken()
	case !errors.As(err, &se):
		return TypesErrorCodeOther(nil)
	}
	if tag, ok := errorCodes[se.Code]; ok {
		return TypesErrorCode{Tag: tag}
	}
	code := string(se.Code)
	return TypesErrorCodeOther(&code)
}

// failure turns a *sockets.Error into the guest's error; other errors stay as they are.
func failure(err error) error {
	var se *sockets.Error
	if errors.As(err, &se) {
		return cm.FailFor(errorCode(se), se)
	}
	return err
}

func orFailure[T any](v T, err error) (T, error) { return v, failure(err) }

// errState is the error of an operation that the socket is not in the state for.
var errState = &sockets.Error{Code: sockets.CodeInvalidState}

// wouldBlock says that an operation has to wait.
func wouldBlock(err error) bool {
	var se *sockets.Error
	return errors.As(err, &se) && se.Code == sockets.CodeWouldBlock
}
