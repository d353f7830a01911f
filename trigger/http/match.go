package http

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// matcher says which requests a route is for.
type matcher struct {
	pattern pattern
	host    string   // in lower case; empty: every host
	methods []string // none: every method
}

// newMatcher makes the matcher of a route without mistakes.
func newMatcher(r *Route) (matcher, error) {
	p, err := parsePattern(r.Path)
	return matcher{pattern: p, host: strings.ToLower(r.Host), methods: r.Methods}, err
}

// checkHost finds a mistake in the host of a route.
func checkHost(host string) error {
	name := host
	if below, ok := strings.CutPrefix(host, "*."); ok {
		name = below
	}
	switch {
	case host == "":
		return nil
	case strings.Contains(name, "*"):
		return fmt.Errorf("%q: * stands for the names before the first dot, as in *.example.com", host)
	case strings.Contains(name, ":") && net.ParseIP(strings.Trim(name, "[]")) == nil:
		return fmt.Errorf("%q: want a host without scheme and port; a route is for every port that is listened on", host)
	case name == "" || strings.ContainsAny(name, "/?#@ \t") || strings.HasSuffix(name, "."):
		return fmt.Errorf("%q: want a host such as shop.example.com or *.example.com", host)
	}
	return nil
}

// checkMethod finds a mistake in a method of a route.
func checkMethod(method string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(method):
		return fmt.Errorf("%q: want a method such as GET", method)
	case method != strings.ToUpper(method):
		return fmt.Errorf("%q: methods are in capitals; want %s", method, strings.ToUpper(method))
	case method == http.MethodConnect:
		return fmt.Errorf("%q: no component can serve a tunnel", method)
	}
	return nil
}

// hostOf is the host of a request without its port, in lower case.
func hostOf(r *http.Request) string {
	host := r.Host
	if at := strings.LastIndexByte(host, ':'); at >= 0 && strings.IndexByte(host[at:], ']') < 0 {
		host = host[:at]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func (m *matcher) coversHost(host string) bool {
	if below, ok := strings.CutPrefix(m.host, "*"); ok {
		return len(host) > len(below) && strings.HasSuffix(host, below)
	}
	return m.host == "" || m.host == host || strings.Trim(m.host, "[]") == strings.Trim(host, "[]")
}

// allows says whether the route is for a method. One for GET is for HEAD, too.
func (m *matcher) allows(method string) bool {
	return len(m.methods) == 0 || slices.Contains(m.methods, method) ||
		method == http.MethodHead && slices.Contains(m.methods, http.MethodGet)
}

// conflicts says whether no request could tell which of two routes it is for.
func (m *matcher) conflicts(o *matcher) bool {
	if m.host != o.host || m.pattern.shape() != o.pattern.shape() {
		return false
	}
	if len(m.methods) == 0 || len(o.methods) == 0 {
		return len(m.methods) == len(o.methods)
	}
	return slices.ContainsFunc(m.methods, func(method string) bool { return slices.Contains(o.methods, method) })
}

// compare is below 0 where m is to be asked before o: hosts before the names below one, and these before every host; then by path; then
// routes that name HEAD, and those that name any method.
func (m *matcher) compare(o *matcher) int {
	named := func(m *matcher) int { // lower is more specific
		switch {
		case m.host == "":
			return 2
		case m.host[0] == '*':
			return 1
		}
		return 0
	}
	methods := func(m *matcher) int {
		switch {
		case slices.Contains(m.methods, http.MethodHead):
			return 0
		case len(m.methods) > 0:
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(named(m), named(o)), cmp.Compare(len(o.host), len(m.host)), m.pattern.compare(&o.pattern), cmp.Compare(methods(m), methods(o)))
}

// String is the matcher as messages name it.
func (m *matcher) String() string {
	s := fmt.Sprintf("path %q", m.pattern.text)
	if m.host != "" {
		s += fmt.Sprintf(" of host %s", m.host)
	}
	if len(m.methods) > 0 {
		s += " by " + strings.Join(m.methods, ", ")
	}
	return s
}
