package redact

import (
	"regexp"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// Compiled at their first use, which most processes never make.
var (
	pair    = pattern(`([A-Za-z0-9_.%\[\]-]+)=("[^"]*"|'[^']*'|[^&;\s"'#]*)`)
	member  = pattern(`(["'])([A-Za-z0-9_. -]+)(["']\s*:\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}\]]+)`)
	header  = pattern(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|password|passwd|secret|[a-z0-9]+(?:[-_][a-z0-9]+)+)(\s*:[ \t]*)([^\r\n]+)`)
	address = pattern(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>` + "`" + `]+`)
	login   = pattern(`\b([A-Za-z0-9_.%+-]+):([^\s:@/"']+)@`)
	bearer  = pattern(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`)
	jwt     = pattern(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
)

// maxText bounds a message, in bytes.
const maxText = 8 << 10

// Text replaces in a message what looks like a secret: credentials in URLs, values of secret names, authorization headers. It is
// for messages of the host; guests' log lines are not redacted. It cuts messages that exceed 8 KiB.
func Text(s string) string {
	if len(s) > maxText {
		s = text.Cut(s, maxText)
		if i := strings.LastIndexAny(s, " \n\t"); i > maxText/2 { // a part of a secret would not be recognised
			s = s[:i] + " …"
		}
	}
	if !strings.ContainsAny(s, "=@: .") {
		return s
	}
	s = header().ReplaceAllStringFunc(s, func(h string) string {
		m := header().FindStringSubmatch(h)
		if !Secret(m[1]) {
			return h
		}
		return m[1] + m[2] + Mark
	})
	s = bearer().ReplaceAllString(s, "${1} "+Mark)
	s = jwt().ReplaceAllString(s, Mark)
	s = address().ReplaceAllStringFunc(s, redactURLText)
	s = login().ReplaceAllStringFunc(s, func(l string) string {
		if m := login().FindStringSubmatch(l); m[1] == Mark || strings.Trim(m[2], "0123456789") == "" {
			return l
		}
		return Mark + ":" + Mark + "@"
	})
	s = member().ReplaceAllStringFunc(s, func(p string) string {
		m := member().FindStringSubmatch(p)
		if !Secret(m[2]) {
			return p
		}
		return m[1] + m[2] + m[3] + `"` + Mark + `"`
	})
	return pair().ReplaceAllStringFunc(s, func(p string) string {
		if name, _, _ := strings.Cut(p, "="); Secret(name) {
			return name + "=" + Mark
		}
		return p
	})
}

// redactURLText redacts a URL found in a text.
func redactURLText(u string) string {
	scheme, rest, _ := strings.Cut(u, "://")
	rest = redactLogin(rest)
	if head, query, ok := strings.Cut(rest, "?"); ok {
		rest = head + "?" + Query(query)
	}
	return scheme + "://" + rest
}

// redactLogin replaces the user and password in the part of a URL after "://". A password that is not escaped may hold characters
// that end an authority.
func redactLogin(rest string) string {
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		return Mark + rest[i:]
	}
	_, port, ok := strings.Cut(authority, ":")
	if ok && strings.Trim(port, "0123456789") != "" && !strings.HasPrefix(authority, "[") {
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			return Mark + rest[i:]
		}
	}
	return rest
}
