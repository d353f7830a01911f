package http

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// proxies are the peers that are believed what they say of the clients behind them.
type proxies struct {
	nets []netip.Prefix
	unix bool // those that connect to a Unix socket
}

// parse adds an address, a network of addresses (CIDR), or the word unix.
func (p *proxies) parse(s string) error {
	if s == "unix" {
		p.unix = true
		return nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		p.nets = append(p.nets, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	n, err := netip.ParsePrefix(s)
	switch {
	case err != nil || n.Addr().Is4In6():
		return fmt.Errorf("%q: want an address, a network such as 10.0.0.0/8, or unix", s)
	case n != n.Masked():
		return fmt.Errorf("%q: the address has bits behind the network's; want %s", s, n.Masked())
	}
	p.nets = append(p.nets, n)
	return nil
}

func parseProxies(list []string) (*proxies, error) {
	if len(list) == 0 {
		return nil, nil
	}
	p := &proxies{}
	for _, s := range list {
		if err := p.parse(s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *proxies) has(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(p.nets, func(n netip.Prefix) bool { return n.Contains(a) })
}

// trust says whether the peer of a request is one of them.
func (p *proxies) trust(r *http.Request) bool {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return p.unix && net.ParseIP(r.RemoteAddr) == nil // a Unix socket's peer has no address
	}
	return p.has(a.Addr().Unmap().WithZone(""))
}

// same says whether two lists are the same.
func (p *proxies) same(o *proxies) bool { return p.unix == o.unix && slices.Equal(p.nets, o.nets) }

// The fields by which proxies tell of clients.
const (
	forwardedField = "Forwarded"
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	forwardedHost  = "X-Forwarded-Host"
	forwardedPort  = "X-Forwarded-Port"
)

var forwardedFields = []string{forwardedField, forwardedFor, forwardedProto, forwardedHost, forwardedPort}

// origin is what proxies say of a request's client; empty parts are not known.
type origin struct {
	addr  netip.AddrPort // port 0: not known
	proto string
	host  string
}

// clientOf reads what the proxies p say. Where the two kinds of fields name different clients, one of them is the client's own, which a
// proxy has passed on, and nobody can tell which: then neither counts.
func (p *proxies) clientOf(h http.Header) (c origin, ok bool) {
	standard, has := p.byForwarded(h[forwardedField])
	common, hasCommon := p.byCommon(h)
	switch {
	case has && hasCommon:
		if standard.addr.Addr() != common.addr.Addr() || standard.proto != "" && common.proto != "" && standard.proto != common.proto ||
			standard.host != "" && common.host != "" && standard.host != common.host {
			return origin{}, false
		}
		if common.proto == "" {
			common.proto = standard.proto
		}
		if common.host == "" {
			common.host = standard.host
		}
		return common, true
	case has:
		return standard, true
	}
	return common, hasCommon
}

// byCommon reads X-Forwarded-For and its like.
func (p *proxies) byCommon(h http.Header) (c origin, ok bool) {
	hops, protos, hosts := items(h[forwardedFor]), items(h[forwardedProto]), items(h[forwardedHost])
	at := len(hops) // of the client's
	for at > 0 {
		a, valid := parseNode(hops[at-1])
		if !valid {
			break
		}
		at--
		if c.addr = a; !p.has(a.Addr()) {
			break
		}
	}
	// A proxy adds an item to each list, or replaces the list by its own.
	pick := func(list []string) string {
		switch {
		case len(list) == 0:
			return ""
		case len(list) == len(hops) && at < len(list):
			return list[at]
		}
		return list[len(list)-1]
	}
	c.proto, c.host = validProto(pick(protos)), validHost(pick(hosts))
	return c, c != origin{}
}

// byForwarded reads Forwarded (RFC 7239).
func (p *proxies) byForwarded(lines []string) (c origin, ok bool) {
	elements, valid := parseForwarded(lines)
	if !valid {
		return c, false
	}
	for i := len(elements) - 1; i >= 0; i-- {
		e := elements[i]
		a, known := parseNode(e["for"])
		if known {
			c.addr = a
		}
		if v := validProto(e["proto"]); v != "" {
			c.proto = v
		}
		if v := validHost(e["host"]); v != "" {
			c.host = v
		}
		if !known || !p.has(a.Addr()) {
			break
		}
	}
	return c, c != origin{}
}

// items are the items of a list that may have several lines.
func items(lines []string) (all []string) {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	return all
}

// parseForwarded parses lines of Forwarded into the pairs of each element, with names in lower case. ok is false where one is malformed.
func parseForwarded(lines []string) (elements []map[string]string, ok bool) {
	for _, s := range lines {
		element := map[string]string{}
		for s = strings.TrimSpace(s); s != ""; {
			name, rest, found := strings.Cut(s, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if !found || !httpguts.ValidHeaderFieldName(name) {
				return nil, false
			}
			value, rest, valid := forwardedValue(rest)
			if _, twice := element[name]; !valid || twice {
				return nil, false
			}
			element[name] = value
			rest = strings.TrimLeft(rest, " \t")
			if rest != "" && rest[0] != ';' && rest[0] != ',' {
				return nil, false
			}
			if rest == "" || rest[0] == ',' {
				elements = append(elements, element)
				element = map[string]string{}
			}
			s = strings.TrimSpace(strings.TrimLeft(rest, ";,"))
		}
		if len(element) > 0 {
			elements = append(elements, element)
		}
	}
	return elements, true
}

// forwardedValue takes a token or a quoted text from the front of s.
func forwardedValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";, \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// parseNode parses an address with or without a port: 1.2.3.4, 1.2.3.4:5, [::1]:5, ::1.
func parseNode(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return netip.AddrPortFrom(a.Unmap().WithZone(""), 0), err == nil
}

func validProto(s string) string {
	if s = strings.ToLower(s); s == "http" || s == "https" {
		return s
	}
	return ""
}

// validHost is s where it is a host with or without a port, as a request may name it.
func validHost(s string) string {
	if !httpguts.ValidHostHeader(s) || strings.ContainsAny(s, "/?#@\\%, ") {
		return ""
	}
	if at := strings.LastIndexByte(s, ':'); at >= 0 && strings.IndexByte(s[at:], ']') < 0 {
		if _, err := strconv.ParseUint(s[at+1:], 10, 16); err != nil || strings.IndexByte(s[:at], ':') >= 0 && s[0] != '[' {
			return ""
		}
	}
	return s
}

// findFor finds the route of a request, with what its proxies say of it, as far as the route trusts them. What others say in these fields
// does not reach the component of such a route.
func (t *Trigger) findFor(x *exchange, path string) (*route, []string) {
	r := x.r
	for _, p := range t.table.proxies() {
		if !p.trust(r) {
			continue
		}
		c, said := p.clientOf(r.Header)
		host := hostOf(r)
		if c.host != "" {
			host = hostOf(&http.Request{Host: c.host})
		}
		if found, _ := t.table.find(r.Method, host, path); found != nil && found.proxies == p {
			if said {
				x.believe(c)
			}
			return found, nil
		}
	}
	found, allowed := t.table.find(r.Method, hostOf(r), path)
	if found != nil && found.proxies != nil {
		for _, name := range forwardedFields {
			delete(r.Header, name)
		}
	}
	return found, allowed
}

// believe makes a request that of the client that proxies have told of.
func (x *exchange) believe(c origin) {
	if c.addr.IsValid() {
		x.client = c.addr
	}
	if c.host != "" {
		x.r.Host = c.host
	}
	switch {
	case c.proto == "https" && x.r.TLS == nil:
		x.r.TLS = &tls.ConnectionState{} // what is read of it is whether there is one
	case c.proto == "http":
		x.r.TLS = nil
	}
}

// clientAddress is the client's address and port; port 0 where proxies have not told it.
func (x *exchange) clientAddress() string {
	if x.client.IsValid() {
		return x.client.String()
	}
	return x.r.RemoteAddr
}

// HTTPClient implements [host.HTTPClient].
func (x *exchange) HTTPClient() (address string) {
	if x.client.IsValid() {
		return x.client.Addr().String()
	}
	return ""
}
