// Package redact removes secrets from URLs, query strings and texts in telemetry. All of telemetry uses its one list of names.
package redact

import (
	"net/url"
	"strings"
)

// Mark replaces a secret, as the semantic conventions for url.full and url.query say.
const Mark = "REDACTED"

// Query replaces the values of secret parameters in a raw query string, also in URLs that are values. Order, escapes and separators
// stay, so that a malformed query stays as it is.
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
			if secretParameter(name) {
				part = name + "=" + Mark
			} else {
				part = name + "=" + redactNested(value)
			}
		}
		b.WriteString(part)
		b.WriteString(sep)
	}
	return b.String()
}

// redactNested redacts the value of a parameter that may be a URL itself.
func redactNested(value string) string {
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

// URL formats u with credentials and secret query values replaced, without its fragment, which is not sent.
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
