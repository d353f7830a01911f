package http

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// malformed says whether a request has a target or an authority that HTTP does not have there and net/http lets through.
// Guests get both byte for byte as strings: what is no UTF-8 could not reach them.
func malformed(r *http.Request) bool {
	target := r.RequestURI
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return true
		}
	}
	if target == "" || r.URL.User != nil || !utf8.ValidString(target) || !utf8.ValidString(r.Host) || !utf8.ValidString(r.Method) {
		return true
	}
	switch {
	case r.Method == http.MethodConnect:
		return !hostAndPort(target)
	case target[0] == '/':
		return false
	case target == "*":
		return r.Method != http.MethodOptions // RFC 9112 §3.2.4
	}
	return r.ProtoMajor != 1 || !absolute(r)
}

// absolute says whether the target is an absolute one whose authority net/http has understood as it stands there: without a
// user, and without escapes.
func absolute(r *http.Request) bool {
	scheme, rest, ok := strings.Cut(r.RequestURI, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return false
	}
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		rest = rest[:at]
	}
	return rest != "" && rest == r.Host
}

// hostAndPort is RFC 9112 §3.2.3.
func hostAndPort(target string) bool {
	host, port, err := net.SplitHostPort(target)
	n, perr := strconv.ParseUint(port, 10, 16)
	return err == nil && perr == nil && n > 0 && host != "" && !strings.ContainsAny(host, "/?@\\")
}

// routePath is the path by which a request finds its route: decoded, but for slashes. One that is escaped divides no segments,
// so that it is part of another resource.
func routePath(r *http.Request) string {
	raw := r.URL.RawPath
	switch {
	case r.RequestURI == "*", raw == "" && r.URL.Path == "":
		return "/"
	case !strings.Contains(raw, "%2f") && !strings.Contains(raw, "%2F"):
		return r.URL.Path
	}
	path, err := url.PathUnescape(strings.NewReplacer("%2f", "%252f", "%2F", "%252F").Replace(raw))
	if err != nil { // it has been decoded before
		return r.URL.Path
	}
	return path
}
