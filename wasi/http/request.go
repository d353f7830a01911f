package http

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxTarget bounds a request's path with query.
const maxTarget = 64 << 10

// IncomingRequest is a request that a server has received. It must not be copied after Init.
type IncomingRequest struct {
	r             *http.Request
	https         bool
	headers       *Fields
	body          IncomingBody
	bodyRequested atomic.Bool
}

// NewIncomingRequest wraps a server's request; body replaces its Body. The header is read when the guest first reads it: an
// observer of the call may still change it.
func NewIncomingRequest(r *http.Request, body io.ReadCloser) *IncomingRequest {
	in := &IncomingRequest{}
	in.Init(r, body)
	return in
}

// Init is NewIncomingRequest for one that is a part of something else.
func (in *IncomingRequest) Init(r *http.Request, body io.ReadCloser) {
	in.r, in.https = r, r.TLS != nil
	in.body.src, in.body.request = body, r
	in.body.fail = func(err error) *Error { return errorFrom(context.Background(), err, false) }
}

// Method is the request's method.
func (r *IncomingRequest) Method() string { return r.r.Method }

// Scheme is http or https.
func (r *IncomingRequest) Scheme() string {
	if r.https {
		return "https"
	}
	return "http"
}

// Authority is the host and port of the request; empty if it has none.
func (r *IncomingRequest) Authority() string { return r.r.Host }

// PathWithQuery is the target in origin form, byte for byte as it was sent, without the scheme and authority of an absolute
// target, whose empty path is "/" (RFC 9112 §3.2.1). It is empty if the target is an authority (CONNECT).
func (r *IncomingRequest) PathWithQuery() string {
	target := r.r.RequestURI
	if target == "" && r.r.URL != nil && r.r.Method != http.MethodConnect {
		target = r.r.URL.RequestURI() // made by a program, not by a server
	}
	if target == "" || target[0] == '/' || target == "*" {
		return target
	}
	_, rest, ok := strings.Cut(target, "://")
	if !ok {
		return ""
	}
	if at := strings.IndexAny(rest, "/?"); at >= 0 && rest[at] == '/' {
		return rest[at:]
	} else if at >= 0 {
		return "/" + rest[at:]
	}
	return "/"
}

// Headers returns the request's fields, the same at each call, without Host, which is the authority.
func (r *IncomingRequest) Headers() *Fields {
	if r.headers == nil {
		r.headers = FieldsFromHeader(r.r.Header)
	}
	return r.headers
}

// Body returns the request's body. The server owns the connection, so that it need not be closed.
func (r *IncomingRequest) Body() *IncomingBody {
	r.bodyRequested.Store(true)
	return &r.body
}

// Close discards the rest of the body.
func (r *IncomingRequest) Close() { _ = r.body.Close() }

// BodyRequested says whether the guest has called Body. Safe for concurrent use.
func (r *IncomingRequest) BodyRequested() bool { return r.bodyRequested.Load() }

// HTTPRequest is the wrapped request.
func (r *IncomingRequest) HTTPRequest() *http.Request { return r.r }

// OutgoingRequest is a request of a guest. Not safe for concurrent use.
type OutgoingRequest struct {
	method, scheme, authority, target string
	headers                           *Fields
	header                            http.Header
	body                              *OutgoingBody
	maxBody                           uint64
}

// NewOutgoingRequest makes a GET request, which owns the headers.
func NewOutgoingRequest(h *Fields) *OutgoingRequest {
	return &OutgoingRequest{method: "GET", headers: h.Frozen()}
}

// Forward makes a request to send of one that has been received: with its method, target and headers, which cannot be changed, and
// without its body.
func (r *IncomingRequest) Forward() *OutgoingRequest {
	return &OutgoingRequest{method: r.Method(), scheme: r.Scheme(), authority: r.Authority(), target: r.PathWithQuery(), headers: r.Headers()}
}

// Bodyless says that the request has no body, not even an empty one of unknown length.
func (r *IncomingRequest) Bodyless() bool { return r.r.Body == nil || r.r.Body == http.NoBody }

// LimitBody bounds the bytes of the body. Call it before Body.
func (r *OutgoingRequest) LimitBody(most uint64) { r.maxBody = most }

// Method, Scheme, Authority and PathWithQuery return what was set, or "".
func (r *OutgoingRequest) Method() string { return r.method }

// Scheme is in lower case.
func (r *OutgoingRequest) Scheme() string { return r.scheme }

// Authority is host and port.
func (r *OutgoingRequest) Authority() string { return r.authority }

// PathWithQuery is the target.
func (r *OutgoingRequest) PathWithQuery() string { return r.target }

// Headers returns the immutable headers.
func (r *OutgoingRequest) Headers() *Fields { return r.headers }

// SetMethod fails if m is not a token.
func (r *OutgoingRequest) SetMethod(m string) error {
	if !validName(m) {
		return fmt.Errorf("method %q: no token", m)
	}
	r.method = m
	return nil
}

// SetScheme fails if s is not a scheme; "" unsets it.
func (r *OutgoingRequest) SetScheme(s string) error {
	for i, c := range []byte(s) {
		alpha := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alpha && (i == 0 || !('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return fmt.Errorf("scheme %q: malformed", s)
		}
	}
	r.scheme = strings.ToLower(s)
	return nil
}

// SetAuthority fails if s is not an authority; "" unsets it.
func (r *OutgoingRequest) SetAuthority(s string) error {
	if s != "" {
		if _, err := parseAuthority(s); err != nil {
			return err
		}
	}
	r.authority = s
	return nil
}

// SetPathWithQuery fails if s is not a path with query; "" unsets it.
func (r *OutgoingRequest) SetPathWithQuery(s string) error {
	if _, err := parseTarget(s); err != nil {
		return err
	}
	r.target = s
	return nil
}

// Body returns the request's body, which the first call makes.
func (r *OutgoingRequest) Body() *OutgoingBody {
	if r.body == nil {
		r.body = newOutgoingBody(r.headers, RequestBodySize, r.maxBody)
	}
	return r.body
}

// HasBody says whether Body was called.
func (r *OutgoingRequest) HasBody() bool { return r.body != nil }

// Header is the header that will be sent, the same map at each call. Observers may change it before the client sends the
// request.
func (r *OutgoingRequest) Header() http.Header {
	if r.header == nil {
		r.header = r.headers.Header()
	}
	return r.header
}

// URL is the request's destination, with the parts that were set; never nil. The default scheme is https. Characters that
// RFC 3986 does not allow in a path are escaped in it, but are sent unescaped.
func (r *OutgoingRequest) URL() *url.URL {
	u, err := parseTarget(r.target)
	if err != nil {
		u = &url.URL{}
	}
	u.Scheme, u.Host = r.scheme, r.authority
	if a, err := parseAuthority(r.authority); err == nil {
		u.User, u.Host = a.User, a.Host // a user is refused later, and must not be taken for a host before
	}
	if u.Scheme == "" {
		u.Scheme = "https"
	}
	return u
}

// sentURL is URL in a form whose target net/http sends byte for byte: it would escape anew a path with characters that
// RFC 3986 does not allow.
func (r *OutgoingRequest) sentURL() *url.URL {
	u := r.URL()
	if path, _, _ := strings.Cut(r.target, "?"); path != "" && path != u.EscapedPath() {
		u.Opaque = path
	}
	return u
}

// check validates the request before it is sent. port is never empty.
func (r *OutgoingRequest) check() (scheme, host, port string, err *Error) {
	bad := func(c Code, why string) (string, string, string, *Error) {
		return "", "", "", &Error{Code: c, Err: fmt.Errorf("outgoing request: %s", why)}
	}
	switch r.scheme {
	case "", "https":
		scheme, port = "https", "443"
	case "http":
		scheme, port = "http", "80"
	default:
		return bad(RequestURIInvalid, "the scheme is neither http nor https")
	}
	if r.authority == "" {
		return bad(RequestURIInvalid, "there is no authority")
	}
	u, perr := parseAuthority(r.authority)
	if perr != nil || u.User != nil || u.Hostname() == "" {
		return bad(RequestURIInvalid, "the authority is no host and port")
	}
	if len(r.target) > maxTarget {
		return bad(RequestURITooLong, "the path is too long")
	}
	if strings.EqualFold(r.method, http.MethodConnect) {
		return bad(RequestMethodInvalid, "CONNECT makes a tunnel, not a request")
	}
	if r.target == "*" && r.method != http.MethodOptions {
		return bad(RequestURIInvalid, "the target * is for OPTIONS") // RFC 9112 §3.2.4
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return scheme, u.Hostname(), port, nil
}

func parseAuthority(s string) (*url.URL, error) {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("/?#\\\"<>^`{|}", c) >= 0 {
			return nil, fmt.Errorf("authority %q: malformed", s)
		}
	}
	if strings.Contains(s, "%") && !strings.HasPrefix(s, "[") { // net/url would decode it to bytes that are not valid in names
		return nil, fmt.Errorf("authority %q: no name of a host has a %%", s)
	}
	u, err := url.Parse("http://" + s)
	if err != nil {
		return nil, fmt.Errorf("authority %q: %w", s, err)
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("authority %q: no port", s)
		}
	}
	return u, nil
}

// parseTarget reads a path with query: "", "*", "/path?query" or "?query", which is then sent byte for byte. Spaces, control
// characters, characters beyond ASCII, fragments and malformed escapes in a path are refused.
func parseTarget(s string) (*url.URL, error) {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return nil, fmt.Errorf("path %q: malformed", s)
		}
	}
	switch {
	case s == "":
		return &url.URL{}, nil
	case s == "*":
		return &url.URL{Path: "*"}, nil
	case s[0] == '?':
		return &url.URL{RawQuery: s[1:], ForceQuery: s == "?"}, nil
	case s[0] != '/':
		return nil, fmt.Errorf("path %q: does not begin with /", s)
	}
	path, query, has := strings.Cut(s, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return nil, fmt.Errorf("path %q: %w", s, err)
	}
	escaped := escapeUnknown(path)
	if escaped != path && strings.HasPrefix(path, "//") {
		// net/http could send such a path only in an absolute target, which differs.
		return nil, fmt.Errorf("path %q: begins with // and has characters that are to be escaped", s)
	}
	return &url.URL{Path: decoded, RawPath: escaped, RawQuery: query, ForceQuery: has && query == ""}, nil
}

// escapeUnknown escapes the characters of a path that RFC 3986 §3.3 does not allow. Most clients and servers leave them
// unescaped.
func escapeUnknown(path string) string {
	const unknown = "\"<>\\^`{|}"
	if !strings.ContainsAny(path, unknown) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; strings.IndexByte(unknown, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// contentLength is the length that the headers declare; -1 if none or malformed.
func contentLength(h *Fields) int64 {
	v := h.Get("content-length")
	if len(v) != 1 {
		return -1
	}
	n, err := strconv.ParseUint(strings.TrimSpace(v[0]), 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}
