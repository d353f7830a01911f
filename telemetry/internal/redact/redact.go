// Package redact takes secrets out of what telemetry would tell: URLs, query strings and texts that may hold URLs. Its
// one list of names is the list of all of telemetry.
package redact

import (
	"net/url"
	"strings"
)

// Mark stands where a secret was. Its spelling is that of the semantic conventions for url.full and url.query.
const Mark = "REDACTED"

// Query is a raw query string with the values of listed keys replaced, in URLs that are values too. Nothing else changes:
// order, escapes and separators stay, so that a malformed query is told as it came.
func Query(raw string) string {
	if raw == "" {
		return ""
	}
	var b strings.Builder
	for part := range splitAfter(raw) {
		sep := ""
		if n := len(part); part[n-1] == '&' || part[n-1] == ';' {
			part, sep = part[:n-1], part[n-1:]
		}
		if name, value, ok := strings.Cut(part, "="); ok {
			if inQuery(name) {
				part = name + "=" + Mark
			} else {
				part = name + "=" + nested(value)
			}
		}
		b.WriteString(part)
		b.WriteString(sep)
	}
	return b.String()
}

// nested is the value of a parameter that may be a URL itself, as where a guest is told what to fetch.
func nested(value string) string {
	decoded, err := url.QueryUnescape(value)
	if err != nil || !strings.ContainsAny(decoded, "=@") {
		return value
	}
	if clean := Text(decoded); clean != decoded {
		return url.QueryEscape(clean)
	}
	return value
}

func splitAfter(raw string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for raw != "" {
			i := strings.IndexAny(raw, "&;")
			if i < 0 {
				yield(raw)
				return
			}
			if !yield(raw[:i+1]) {
				return
			}
			raw = raw[i+1:]
		}
	}
}

// URL is u with credentials and listed query values replaced, without its fragment, which is not sent.
func URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	c := *u
	c.Fragment, c.RawFragment = "", ""
	c.RawQuery = Query(u.RawQuery)
	if u.User != nil {
		if _, ok := u.User.Password(); ok {
			c.User = url.UserPassword(Mark, Mark)
		} else {
			c.User = url.User(Mark)
		}
	}
	return c.String()
}
