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

// IncomingRequest is a request as it came in.
type IncomingRequest struct {
	r       *http.Request
	https   bool
	headers *Fields
	body    IncomingBody
	wanted  atomic.Bool
}

// NewIncomingRequest wraps a server's request; body stands for its Body. The header is read when the guest asks for it,
// not before: whoever observes the call may still change it.
func NewIncomingRequest(r *http.Request, body io.ReadCloser) *IncomingRequest {
	in := &IncomingRequest{r: r, https: r.TLS != nil}
	in.body.src, in.body.trailer = body, func() http.Header { return r.Trailer }
	in.body.fail = func(err error) *Error { return errorFrom(context.Background(), err, false) }
	return in
}

// Method is the request's method, as it was sent.
func (r *IncomingRequest) Method() string { return r.r.Method }

// Scheme is http or https.
func (r *IncomingRequest) Scheme() string {
	if r.https {
		return "https"
	}
	return "http"
}

// Authority is host and port that the client asked for; empty if it did not say.
func (r *IncomingRequest) Authority() string { return r.r.Host }

// PathWithQuery is the target in origin form, byte for byte as it was sent; an absolute target has lost its scheme and
// authority, and has the path "/" if it had none (RFC 9112 §3.2.1). It is empty where the target is an authority (CONNECT).
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

// Headers are the request's fields; the same at each call. Host is not among them: the authority says it.
func (r *IncomingRequest) Headers() *Fields {
	if r.headers == nil {
		r.headers = FieldsFromHeader(r.r.Header)
	}
	return r.headers
}

// Body is the request's body. The server owns the connection below it, so that it need not be closed.
func (r *IncomingRequest) Body() *IncomingBody {
	r.wanted.Store(true)
	return &r.body
}

// Close lets go of a request of whose body nobody wants to know any more.
func (r *IncomingRequest) Close() { _ = r.body.Close() }

// Wanted says whether the guest has asked for the body. Safe for concurrent use.
func (r *IncomingRequest) Wanted() bool { return r.wanted.Load() }

// HTTPRequest is the request below.
func (r *IncomingRequest) HTTPRequest() *http.Request { return r.r }

// OutgoingRequest is a request that a guest makes up. Not safe for concurrent use.
type OutgoingRequest struct {
	method, scheme, authority, target string
	headers                           *Fields
	header                            http.Header
	body                              *OutgoingBody
	maxBody                           uint64
}

// NewOutgoingRequest makes a GET request. The headers belong to it from now on.
func NewOutgoingRequest(h *Fields) *OutgoingRequest {
	return &OutgoingRequest{method: "GET", headers: h.Frozen()}
}

// LimitBody bounds the bytes of the body; before Body is called.
func (r *OutgoingRequest) LimitBody(most uint64) { r.maxBody = most }

// Method, Scheme, Authority and PathWithQuery give what was set; empty where nothing was.
func (r *OutgoingRequest) Method() string { return r.method }

// Scheme is in lower case.
func (r *OutgoingRequest) Scheme() string { return r.scheme }

// Authority is host and port.
func (r *OutgoingRequest) Authority() string { return r.authority }

// PathWithQuery is the target.
func (r *OutgoingRequest) PathWithQuery() string { return r.target }

// Headers cannot be changed.
func (r *OutgoingRequest) Headers() *Fields { return r.headers }

// SetMethod fails if m is no token.
func (r *OutgoingRequest) SetMethod(m string) error {
	if !validName(m) {
		return fmt.Errorf("method %q: no token", m)
	}
	r.method = m
	return nil
}

// SetScheme fails if s is no scheme; empty unsets it.
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

// SetAuthority fails if s is no authority; empty unsets it.
func (r *OutgoingRequest) SetAuthority(s string) error {
	if s != "" {
		if _, err := parseAuthority(s); err != nil {
			return err
		}
	}
	r.authority = s
	return nil
}

// SetPathWithQuery fails if s is no path with query; empty unsets it.
func (r *OutgoingRequest) SetPathWithQuery(s string) error {
	if _, err := parseTarget(s); err != nil {
		return err
	}
	r.target = s
	return nil
}

// Body is the request's body; the first call makes it.
func (r *OutgoingRequest) Body() *OutgoingBody {
	if r.body == nil {
		r.body = newOutgoingBody(r.headers, RequestBodySize, r.maxBody)
	}
	return r.body
}

// HasBody says whether Body was called.
func (r *OutgoingRequest) HasBody() bool { return r.body != nil }

// Header is what will be sent, to be read or changed by whoever observes the request before the client sends it. It is
// the same map at each call.
func (r *OutgoingRequest) Header() http.Header {
	if r.header == nil {
		r.header = r.headers.Header()
	}
	return r.header
}

// URL is where the request goes; never nil, as complete as what was set. Without a scheme it is https. Characters that
// RFC 3986 does not know in a path are escaped in it, though not in what is sent.
func (r *OutgoingRequest) URL() *url.URL {
	u, err := parseTarget(r.target)
	if err != nil {
		u = &url.URL{}
	}
	u.Scheme, u.Host = r.scheme, r.authority
	if a, err := parseAuthority(r.authority); err == nil {
		u.User, u.Host = a.User, a.Host // a user is refused later; until then it must not pass for a host
	}
	if u.Scheme == "" {
		u.Scheme = "https"
	}
	return u
}

// sentURL is URL in the shape in which net/http sends the target byte for byte: it would write a path anew that has
// characters which RFC 3986 does not know, and undo what is escaped in it.
func (r *OutgoingRequest) sentURL() *url.URL {
	u := r.URL()
	if path, _, _ := strings.Cut(r.target, "?"); path != "" && path != u.EscapedPath() {
		u.Opaque = path
	}
	return u
}

// check finds what is wrong with the request before it is sent. port is filled in.
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
	if strings.Contains(s, "%") && !strings.HasPrefix(s, "[") { // net/url would decode it, to bytes that no name has
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

// parseTarget reads a path with query: "", "*", "/path?query" or "?query". What it accepts goes out byte for byte; spaces,
// control characters, anything but ASCII, fragments and a path's malformed escapes are refused.
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
		// net/http can send such a path in an absolute target only, which is another one.
		return nil, fmt.Errorf("path %q: begins with // and has characters that are to be escaped", s)
	}
	return &url.URL{Path: decoded, RawPath: escaped, RawQuery: query, ForceQuery: has && query == ""}, nil
}

// escapeUnknown escapes the characters of a path that RFC 3986 §3.3 does not know. Most hosts and clients leave them as they
// are.
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

// contentLength is the length that the headers declare: -1 if none, or if they say nothing sensible.
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
