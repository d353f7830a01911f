package wasinet

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasinet/internal/bindings"
)

// DialContext connects to address, HOST:PORT, over network: "tcp", or "tcp4" or "tcp6" for addresses of one family. A HOST that is a name is looked up by the host, and its
// addresses are tried one after the other. The context bounds all of it, and nothing of the connection afterwards. An error is a *net.OpError, with an [*Error]
// in it where the host has said why.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	failed := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: name(address), Err: err}
	}
	if !cabi.InComponent {
		return failed(ErrNoHost)
	}
	var fits func(netip.Addr) bool
	switch network {
	case "tcp":
		fits = func(netip.Addr) bool { return true }
	case "tcp4":
		fits = netip.Addr.Is4
	case "tcp6":
		fits = netip.Addr.Is6
	default:
		return failed(net.UnknownNetworkError(network))
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return failed(err)
	}
	port, err := net.LookupPort(network, service)
	if err != nil {
		return failed(err)
	}
	addrs, err := lookup(ctx, host)
	if err != nil {
		return failed(err)
	}
	var all error
	for _, a := range addrs {
		if !fits(a) {
			continue
		}
		c, err := connect(ctx, network, netip.AddrPortFrom(a, uint16(port)))
		if err == nil {
			return c, nil
		}
		all = errors.Join(all, err)
		if ctx.Err() != nil {
			break
		}
	}
	if all == nil {
		return failed(&net.AddrError{Err: "no suitable address", Addr: host})
	}
	return failed(all)
}

// lookup is the addresses of a host, which may be one already.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	found, err := bindings.IPNameLookupResolveAddresses(ctx, host)
	if err != nil {
		var code *cabi.Error[bindings.ErrorCode]
		if !errors.As(err, &code) {
			return nil, err
		}
		e := errorOf(code.Value.String(), code.Value.Other)
		return nil, &net.DNSError{
			Err: e.Error(), Name: host, UnwrapErr: e,
			IsNotFound: code.Value.Tag == bindings.ErrorCodeTagNameUnresolvable, IsTemporary: code.Value.Tag == bindings.ErrorCodeTagTemporaryResolverFailure,
		}
	}
	out := make([]netip.Addr, len(found))
	for i, a := range found {
		out[i] = addrOf(a)
	}
	return out, nil
}

// connect makes a connection to one address.
func connect(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	family := bindings.IPAddressFamilyIPv4
	if to.Addr().Is6() {
		family = bindings.IPAddressFamilyIPv6
	}
	socket, err := bindings.TCPSocketCreate(family)
	if err != nil {
		return nil, failure(err)
	}
	if err := socket.Connect(ctx, socketAddress(to)); err != nil {
		socket.Drop()
		return nil, failure(err)
	}
	// As net.Dialer does: a peer that is gone without a word is found. A host that does not take it leaves the system's settings.
	if socket.SetKeepAliveEnabled(true) == nil {
		_ = socket.SetKeepAliveIdleTime(bindings.Duration(keepAlive))
		_ = socket.SetKeepAliveInterval(bindings.Duration(keepAlive))
	}
	return newConn(network, socket, to), nil
}
