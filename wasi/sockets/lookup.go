package sockets

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Lookup is one name lookup under way or done. As a pollable it is ready when Next would not fail with would-block.
type Lookup struct {
	wasiio.Flag
	cancel context.CancelFunc

	mu    sync.Mutex
	done  bool
	addrs []netip.Addr
	err   error
}

// maxName is more than the longest valid name.
const maxName = 1 << 10

// Resolve begins to look a name up. An IP address resolves to itself and needs no grant; a name needs a Connect grant, or is
// that of a service.
func (n *Network) Resolve(name string) (*Lookup, error) {
	if len(name) > maxName {
		return nil, failed(CodeInvalidArgument)
	}
	if a, err := netip.ParseAddr(name); err == nil {
		l := &Lookup{cancel: func() {}}
		l.finish([]netip.Addr{a.Unmap()}, nil)
		return l, nil
	}
	ascii, err := asciiName(name)
	if err != nil {
		return nil, &Error{CodeInvalidArgument, err}
	}
	if n.resolves(ascii) {
		l := &Lookup{cancel: func() {}}
		l.finish(loopbackAddrs(), nil)
		return l, nil
	}
	grants := n.grantsForName(ascii)
	if len(grants) == 0 {
		return nil, n.refused(useConnect, ascii+":*")
	}
	if err := n.reserve(); err != nil { // a lookup uses sockets
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the guest's call
	l := &Lookup{cancel: cancel}
	go func() {
		defer n.open.Add(-1)
		defer cancel()
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", ascii)
		for i := range addrs {
			addrs[i] = addrs[i].Unmap()
		}
		if err == nil {
			n.addResolved(grants, addrs)
		}
		l.finish(addrs, lookupFailure(err))
	}()
	return l, nil
}

// MaxAddresses bounds the results of one lookup.
const MaxAddresses = 256

func (l *Lookup) finish(addrs []netip.Addr, err error) {
	if len(addrs) > MaxAddresses {
		addrs = slices.Clone(addrs[:MaxAddresses])
	}
	l.mu.Lock()
	l.done, l.addrs, l.err = true, addrs, err
	l.mu.Unlock()
	l.Set()
}

func lookupFailure(err error) error {
	var e *net.DNSError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e):
		return &Error{CodePermanentFailure, err}
	case e.IsNotFound:
		return &Error{CodeNameUnresolvable, err}
	case e.IsTemporary || e.IsTimeout:
		return &Error{CodeTemporaryFailure, err}
	}
	return &Error{CodePermanentFailure, err}
}

// Next returns the next address, or an invalid one after the last. While the lookup is under way it fails with would-block.
func (l *Lookup) Next() (netip.Addr, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.done:
		return netip.Addr{}, failed(CodeWouldBlock)
	case l.err != nil:
		return netip.Addr{}, l.err
	case len(l.addrs) == 0:
		return netip.Addr{}, nil
	}
	a := l.addrs[0]
	l.addrs = l.addrs[1:]
	return a, nil
}

// Close ends the lookup.
func (l *Lookup) Close() error {
	l.cancel()
	return nil
}
