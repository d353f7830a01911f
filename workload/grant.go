package workload

import (
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// HTTPPattern is one destination of outgoing requests that a component may reach. "*" as a whole allows every
// destination; otherwise Scheme is http, https, or h2c for http requests to a server that is known to speak HTTP/2, Host an exact name or address, "*", or "*.example.com" for every name
// below it, and Port a number or "*".
type HTTPPattern struct{ Scheme, Host, Port string }

// ParseHTTP parses "scheme://host[:port]" or "*". The default port is the scheme's: 80 or 443. A path, a query or a user is
// refused: a grant names a destination, not a request.
func ParseHTTP(s string) (HTTPPattern, error) {
	if s == "*" {
		return HTTPPattern{"*", "*", "*"}, nil
	}
	bad := func(why string) (HTTPPattern, error) {
		return HTTPPattern{}, fmt.Errorf("%q: %s; want a destination such as https://api.example.com, http://127.0.0.1:9000 or *", redacted(s), why)
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return bad("there is no scheme")
	}
	p := HTTPPattern{Scheme: strings.ToLower(scheme)}
	switch p.Scheme {
	case "http", schemeH2C:
		p.Port = "80"
	case "https":
		p.Port = "443"
	default:
		return bad("the scheme is none of http, https and h2c")
	}
	rest = strings.TrimSuffix(rest, "/")
	if strings.ContainsAny(rest, "/?#@ \t") {
		return bad("a destination has no path, query or user")
	}
	host, port, err := splitHostPort(rest)
	if err != nil {
		return bad(err.Error())
	}
	p.Host = strings.ToLower(host)
	if port != "" {
		p.Port = port
	}
	if i := strings.LastIndex(p.Host, "*"); i > 0 || i == 0 && len(p.Host) > 1 && p.Host[1] != '.' {
		return bad("* stands for a whole host or, as in *.example.com, for the names before the first dot")
	}
	return p, nil
}

// Allows says whether the pattern covers a request to scheme://host:port. port is never empty: the caller fills in the
// scheme's default. host has no brackets.
func (p HTTPPattern) Allows(scheme, host, port string) bool {
	granted := p.Scheme
	if granted == schemeH2C {
		granted = "http"
	}
	if granted != "*" && granted != strings.ToLower(scheme) || p.Port != "*" && p.Port != port {
		return false
	}
	return hostMatches(p.Host, host)
}

// schemeH2C is that of a grant of http requests by HTTP/2 without TLS.
const schemeH2C = "h2c"

// PriorKnowledge says whether http requests to host:port go by HTTP/2 because of this pattern: the server is known to speak it.
func (p HTTPPattern) PriorKnowledge(host, port string) bool {
	return p.Scheme == schemeH2C && p.Allows("http", host, port)
}

// String returns the pattern in the form that ParseHTTP parses.
func (p HTTPPattern) String() string {
	if p.Scheme == "*" {
		return "*"
	}
	host := p.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if (p.Scheme == "http" || p.Scheme == schemeH2C) && p.Port == "80" || p.Scheme == "https" && p.Port == "443" {
		return p.Scheme + "://" + host
	}
	return p.Scheme + "://" + host + ":" + p.Port
}

// InternalSuffix ends the host of a component as other components of its workload know it: http://NAME.internal.
const InternalSuffix = ".internal"

// InternalComponent is the component that a request to scheme://host:port goes to, within the process: that of NAME.internal, by http and
// at its default port, where NAME could be a component's name, as it has no dot. Whether the workload has one of that name is not asked. All
// other requests go to the network. port is never empty.
func InternalComponent(scheme, host, port string) (name string, ok bool) {
	name, ok = strings.CutSuffix(strings.TrimSuffix(strings.ToLower(host), "."), InternalSuffix)
	if !ok || name == "" || strings.Contains(name, ".") || strings.ToLower(scheme) != "http" || port != "80" {
		return "", false
	}
	return name, true
}

// Internal are the components that the HTTP grants name one by one: http://price.internal.
func (g Grants) Internal() []string {
	var names []string
	for _, s := range g.HTTP {
		p, err := ParseHTTP(s)
		if err != nil {
			continue
		}
		if p.Scheme == schemeH2C {
			p.Scheme = "http"
		}
		if name, ok := InternalComponent(p.Scheme, p.Host, p.Port); ok && name != "*" {
			names = append(names, name)
		}
	}
	return names
}

// AllowsHTTP says whether any of the HTTP grants covers the destination. A grant that does not parse allows nothing.
func (g Grants) AllowsHTTP(scheme, host, port string) bool {
	for _, s := range g.HTTP {
		if p, err := ParseHTTP(s); err == nil && p.Allows(scheme, host, port) {
			return true
		}
	}
	return false
}

// Address is a pattern of socket addresses: Host is an IP address, a name, or "*"; Port a number or "*".
type Address struct{ Host, Port string }

// ParseAddress parses "host:port" or "*".
func ParseAddress(s string) (Address, error) {
	if s == "*" {
		return Address{"*", "*"}, nil
	}
	host, port, err := splitHostPort(s)
	if err == nil && port == "" {
		err = fmt.Errorf("there is no port")
	}
	if err == nil && strings.ContainsAny(host, "/@ ") {
		err = fmt.Errorf("%q is no host", redacted(host))
	}
	if err == nil && strings.Contains(host, "*") && host != "*" {
		err = fmt.Errorf("* stands for a whole host")
	}
	if err != nil {
		return Address{}, fmt.Errorf("%q: %w; want host:port such as 127.0.0.1:5432, [::1]:80, *:53 or *", redacted(s), err)
	}
	return Address{strings.ToLower(host), port}, nil
}

// Allows says whether the address covers host:port. IP addresses are compared by value: ::1 equals 0:0:0:0:0:0:0:1.
func (a Address) Allows(host, port string) bool {
	return (a.Port == "*" || a.Port == port) && hostMatches(a.Host, host)
}

// String returns the address in the form that ParseAddress parses.
func (a Address) String() string {
	if strings.Contains(a.Host, ":") {
		return "[" + a.Host + "]:" + a.Port
	}
	return a.Host + ":" + a.Port
}

// hostMatches says whether a granted host covers host.
func hostMatches(granted, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if granted == "*" || granted == host {
		return true
	}
	if below, ok := strings.CutPrefix(granted, "*"); ok {
		return strings.HasSuffix(host, below) && len(host) > len(below)
	}
	g, err1 := netip.ParseAddr(granted)
	h, err2 := netip.ParseAddr(host)
	return err1 == nil && err2 == nil && g.Unmap() == h.Unmap()
}

// splitHostPort splits "host", "host:port", "[v6]" and "[v6]:port"; port is "*", a number, or empty if there is none.
func splitHostPort(s string) (host, port string, err error) {
	switch rest, bracket := strings.CutPrefix(s, "["); {
	case bracket:
		var ok bool
		if host, port, ok = strings.Cut(rest, "]"); !ok {
			return "", "", fmt.Errorf("a ] is missing")
		}
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", "", fmt.Errorf("%q is no IPv6 address", redacted(host))
		}
		if port != "" && port[0] != ':' {
			return "", "", fmt.Errorf("after ] comes :port or nothing")
		}
	case strings.Count(s, ":") > 1:
		return "", "", fmt.Errorf("an IPv6 address must be in brackets")
	default:
		var found bool
		if host, port, found = strings.Cut(s, ":"); found {
			port = ":" + port
		}
	}
	if host == "" {
		return "", "", fmt.Errorf("there is no host")
	}
	if port == "" {
		return host, "", nil
	}
	port = port[1:]
	if port != "*" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return "", "", fmt.Errorf("%q is no port", redacted(port))
		}
	}
	return host, port, nil
}

// ParseFile parses the command line's form of a file grant: HOST[::GUEST][:ro]. Without GUEST the guest's name for the folder
// is HOST.
func ParseFile(s string) (FileGrant, error) {
	var f FileGrant
	rest, ro := strings.CutSuffix(s, ":ro")
	f.ReadOnly = ro
	host, guest, given := strings.Cut(rest, "::")
	if strings.HasPrefix(guest, ":") { // C:::/data
		host, guest = host+":", guest[1:]
	}
	f.Host, f.Guest = host, guest
	if !given {
		f.Guest = filepath.ToSlash(host) // guests use slashes on every system
	}
	if f.Host == "" || f.Guest == "" {
		return f, fmt.Errorf("%q: want HOST, HOST::GUEST or either with :ro after it", s)
	}
	f.Guest = path.Clean(f.Guest)
	return f, nil
}
