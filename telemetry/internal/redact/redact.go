// Package redact takes secrets out of what telemetry would tell: URLs, query strings and texts that may hold URLs. Its
// one list of names is the list of all of telemetry.
package redact

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// Mark stands where a secret was. Its spelling is that of the semantic conventions for url.full and url.query.
const Mark = "REDACTED"

// where says where a name's value is a secret.
type where bool

const (
	everywhere where = true
	inQuery    where = false // a common word elsewhere
)

// keys are names whose values are secrets, in lower case, '-' as '_'. The first group is the list of the semantic
// conventions (http-spans.md, url.query), the rest is what credentials are commonly called.
var keys = map[string]where{
	"awsaccesskeyid": everywhere, "signature": everywhere, "sig": inQuery, "x_goog_signature": everywhere,

	"x_amz_signature": everywhere, "x_amz_credential": everywhere, "x_amz_security_token": everywhere,
	"x_goog_credential": everywhere, "access_token": everywhere, "refresh_token": everywhere, "id_token": everywhere,
	"token": everywhere, "auth_token": everywhere, "sas_token": everywhere,
	"auth": everywhere, "authorization": everywhere, "bearer": everywhere, "jwt": everywhere, "cookie": everywhere,
	"session": inQuery, "session_id": everywhere, "sessionid": everywhere,
	"password": everywhere, "passwd": everywhere, "pwd": everywhere, "pass": inQuery, "passphrase": everywhere,
	"secret": everywhere, "client_secret": everywhere, "shared_secret": everywhere, "private_key": everywhere,
	"api_key": everywhere, "apikey": everywhere, "access_key": everywhere, "accesskey": everywhere,
	"subscription_key": everywhere, "key": inQuery, "code": inQuery, "pin": inQuery, "otp": inQuery,
	"credential": everywhere, "credentials": everywhere,
}

// lookup says whether the value of what is called name is a secret, and whether it is one outside of queries too.
func lookup(name string) (listed bool, w where) {
	if unescaped, err := url.QueryUnescape(name); err == nil {
		name = unescaped
	}
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if w, ok := keys[name]; ok {
		return true, w
	}
	// user[password], oauth.token, db_password, my_api_key
	for _, sep := range []string{"[", ".", "_"} {
		if i := strings.LastIndex(name, sep); i >= 0 {
			if w, ok := keys[strings.TrimSuffix(name[i+1:], "]")]; ok {
				return true, w
			}
		}
	}
	if strings.HasSuffix(name, "_api_key") {
		return true, everywhere
	}
	return false, inQuery
}

// Secret says whether a fact called name is not to be told, wherever it stands.
func Secret(name string) bool {
	listed, w := lookup(name)
	return listed && w == everywhere
}

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
			if listed, _ := lookup(name); listed {
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

func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// Compiled when the first error is told of, which in most processes is never.
var (
	userinfo = pattern(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#\s"'@]*@`)
	pair     = pattern(`[A-Za-z0-9_.%\[\]-]+=[^&;\s"'#]*`)
	header   = pattern(`(?i)\b((?:proxy-)?authorization|cookie|set-cookie|x-api-key|x-auth-token)(["']?\s*[:=]\s*)[^\r\n]*`)
	address  = pattern(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)
	bearer   = pattern(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`)
)

// Text is a message of our own or of the host with what looks like a secret replaced: credentials in URLs, values of
// listed keys, authorization headers. It is for errors; what a guest writes to its log is the guest's to say.
func Text(s string) string {
	if !strings.ContainsAny(s, "=@: ") {
		return s
	}
	s = header().ReplaceAllString(s, "${1}${2}"+Mark)
	s = bearer().ReplaceAllString(s, "${1} "+Mark)
	s = userinfo().ReplaceAllString(s, "${1}"+Mark+"@")
	s = address().ReplaceAllStringFunc(s, func(u string) string {
		if head, query, ok := strings.Cut(u, "?"); ok {
			return head + "?" + Query(query)
		}
		return u
	})
	return pair().ReplaceAllStringFunc(s, func(p string) string {
		if name, _, _ := strings.Cut(p, "="); Secret(name) {
			return name + "=" + Mark
		}
		return p
	})
}
