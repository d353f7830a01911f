package http

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// headFault says what is invalid in a request's head; empty if nothing is. net/http checks the heads of HTTP/1, and
// of those of HTTP/2 (RFC 9113 §8.2, §8.3) only what concerns the connection: a head that is refused in one of them is
// refused in the other.
func headFault(r *http.Request) string {
	if malformed(r) {
		return "the target or the authority is malformed"
	}
	if r.ProtoMajor != 2 {
		return ""
	}
	switch {
	case !httpguts.ValidHeaderFieldName(r.Method):
		return "the method is no token"
	case r.Host == "":
		return "there is no :authority"
	case !httpguts.ValidHostHeader(r.Host):
		return ":authority is malformed"
	}
	return fieldFault(r)
}

// fieldFault is headFault for the fields after the pseudo-header fields of HTTP/2.
func fieldFault(r *http.Request) string {
	if hosts := r.Header["Host"]; len(hosts) > 1 || len(hosts) == 1 && !strings.EqualFold(hosts[0], r.Host) {
		return "host is not :authority"
	}
	if lengths := r.Header["Content-Length"]; len(lengths) > 0 {
		n, err := strconv.ParseUint(lengths[0], 10, 63)
		switch {
		case err != nil || strings.HasPrefix(lengths[0], "+"):
			return "content-length is no length"
		case len(lengths) > 1:
			return "there are several content-lengths"
		case n > 0 && r.ContentLength == 0:
			return "there is a content-length and no body"
		}
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return "a field's name is malformed"
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) || strings.TrimSpace(v) != v {
				return "a field's value is malformed"
			}
		}
	}
	return ""
}
