package http

import (
	"net/http"
	"strings"
)

// The fields by which Spin tells a component where it is mounted.
const (
	spinPathInfo          = "Spin-Path-Info"
	spinFullURL           = "Spin-Full-Url"
	spinMatchedRoute      = "Spin-Matched-Route"
	spinBasePath          = "Spin-Base-Path"
	spinRawComponentRoute = "Spin-Raw-Component-Route"
	spinComponentRoute    = "Spin-Component-Route"
	spinClientAddr        = "Spin-Client-Addr"
	spinPathMatch         = "Spin-Path-Match-" // and the name of a parameter
)

// dropMount removes what a client says of the mount: components take it for the host's.
func dropMount(h http.Header) {
	for name := range h {
		if !strings.HasPrefix(name, "Spin-") {
			continue
		}
		switch name {
		case spinPathInfo, spinFullURL, spinMatchedRoute, spinBasePath, spinRawComponentRoute, spinComponentRoute, spinClientAddr:
			delete(h, name)
		default:
			if strings.HasPrefix(name, spinPathMatch) {
				delete(h, name)
			}
		}
	}
}

// tellMount adds the fields to a request. path is that by which the route was found. Values of parameters and what is behind the route are
// as the client has escaped them.
func (r *route) tellMount(req *http.Request, path, client string) {
	h := req.Header
	set := func(name, value string) { h[name] = []string{value} }
	sent := strings.Split(req.URL.EscapedPath(), "/") // of as many segments as path
	rest, _ := r.pattern.match(path, func(i int, name string) {
		if i+1 < len(sent) {
			set(http.CanonicalHeaderKey(spinPathMatch+name), sent[i+1])
		}
	})
	if n := strings.Count(rest, "/"); n > 0 && n < len(sent) {
		rest = "/" + strings.Join(sent[len(sent)-n:], "/")
	}
	raw, plain := r.spinRoute()
	set(spinPathInfo, rest)
	set(spinFullURL, fullURL(req))
	set(spinMatchedRoute, raw)
	set(spinRawComponentRoute, raw)
	set(spinComponentRoute, plain)
	set(spinBasePath, "/")
	set(spinClientAddr, client)
}

// spinRoute is the route as Spin writes it, where /... at the end is for all that follows, and without that.
func (r *route) spinRoute() (raw, plain string) {
	plain = strings.TrimSuffix(r.pattern.text, "/")
	if r.pattern.rest {
		plain = strings.TrimSuffix(r.pattern.text, "/*")
	}
	if raw = plain; r.pattern.rest || r.pattern.prefix {
		raw += "/..."
	}
	return raw, plain
}

// fullURL is the URL that the client has asked for.
func fullURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		target = r.URL.RequestURI()
	}
	return scheme + "://" + r.Host + target
}
