package socketsp2

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// Add defines wasi:sockets for guests that may do what policy grants; nil grants nothing.
func Add(l *component.Linker, policy *sockets.Policy) {
	if policy == nil {
		policy = &sockets.Policy{}
	}
	h := host{policy}
	AddNetwork(l, h)
	AddInstanceNetwork(l, h)
	AddIPNameLookup(l, h)
	AddTCP(l)
	AddTCPCreateSocket(l, h)
	AddUDP(l)
	AddUDPCreateSocket(l, h)
}

type host struct{ policy *sockets.Policy }

// network is that of the store: each guest has its own lookups and its own number of sockets.
func (h host) network(ctx context.Context) *sockets.Network {
	return component.StoreValue(ctx, sockets.StoreKey{}, func() any { return sockets.NewNetwork(h.policy) }).(*sockets.Network)
}

func (h host) InstanceNetwork(ctx context.Context) (Network, error) { return h.network(ctx), nil }

func (h host) NetworkErrorCode(_ context.Context, e iop2.Error) (*ErrorCode, error) {
	var se *sockets.Error
	if !errors.As(iop2.Cause(e), &se) {
		return nil, nil
	}
	c := errorCode(se.Code)
	return &c, nil
}

// networkOf is what is behind a network resource.
func networkOf(n Network) (*sockets.Network, error) {
	return cm.ObjectAs[*sockets.Network](NetworkType, n)
}

func (h host) ResolveAddresses(ctx context.Context, n Network, name string) (ResolveAddressStream, error) {
	network, err := networkOf(n)
	if err != nil {
		return nil, err
	}
	held := &cm.Holding{}
	if err := held.Hold(ctx, lookupBytes); err != nil {
		return nil, cm.FailFor(ErrorCodeOutOfMemory, err)
	}
	l, err := network.Resolve(name)
	if err != nil {
		held.Release()
		return nil, failure(err)
	}
	return lookup{l, held}, nil
}

// lookupBytes is the charge for a lookup: its addresses, of 24 bytes each, and the resolver's memory.
const lookupBytes = 8 << 10

func (h host) CreateTCPSocket(ctx context.Context, f IPAddressFamily) (TCPSocket, error) {
	s, err := h.network(ctx).NewTCP(sockets.Family(f))
	if err != nil {
		return nil, failure(err)
	}
	return tcpSocket{s}, nil
}

func (h host) CreateUDPSocket(ctx context.Context, f IPAddressFamily) (UDPSocket, error) {
	s, err := h.network(ctx).NewUDP(sockets.Family(f))
	if err != nil {
		return nil, failure(err)
	}
	return udpSocket{s}, nil
}

type lookup struct {
	l    *sockets.Lookup
	held *cm.Holding
}

func (l lookup) ResolveNextAddress(context.Context) (*IPAddress, error) {
	a, err := l.l.Next()
	if err != nil || !a.IsValid() {
		return nil, failure(err)
	}
	ip := ipAddress(a)
	return &ip, nil
}

func (l lookup) Subscribe(context.Context) (iop2.Pollable, error) { return iop2.NewPollable(l.l), nil }

func (l lookup) Drop(context.Context) error {
	l.held.Release()
	return l.l.Close()
}

var errorCodes = func() map[sockets.Code]ErrorCode {
	m := map[sockets.Code]ErrorCode{}
	for c := range ErrorCodePermanentResolverFailure + 1 {
		m[sockets.Code(c.String())] = c
	}
	return m
}()

// errorCode is 0, the code unknown, for a code that WIT does not have.
func errorCode(c sockets.Code) ErrorCode { return errorCodes[c] }

// failure turns a *sockets.Error into the guest's error; other errors stay as they are.
func failure(err error) error {
	var se *sockets.Error
	if errors.As(err, &se) {
		return cm.FailFor(errorCode(se.Code), se)
	}
	return err
}
