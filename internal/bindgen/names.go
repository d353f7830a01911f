package bindgen

import (
	"go/token"
	"strings"
)

// initialisms are words that Go spells in capitals, or in a way of their own.
var initialisms = map[string]string{
	"api": "API", "cpu": "CPU", "dns": "DNS", "eof": "EOF", "http": "HTTP", "https": "HTTPS", "id": "ID", "io": "IO",
	"ip": "IP", "ipv4": "IPv4", "ipv6": "IPv6", "json": "JSON", "sql": "SQL", "tcp": "TCP", "tls": "TLS", "tty": "TTY",
	"udp": "UDP", "uri": "URI", "url": "URL", "utc": "UTC", "uuid": "UUID", "xml": "XML",
}

// exported is the Go name of a WIT name: "http-request-denied" becomes HTTPRequestDenied. Words that WIT spells in
// capitals stay so.
func exported(name string) string {
	var b strings.Builder
	for w := range strings.SplitSeq(name, "-") {
		b.WriteString(word(w))
	}
	return b.String()
}

func word(w string) string {
	if s, ok := initialisms[strings.ToLower(w)]; ok {
		return s
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

// local is the Go name of a parameter: lower camel case, and never a keyword or a name that generated code uses.
func local(name string) string {
	first, rest, _ := strings.Cut(name, "-")
	s := strings.ToLower(first)
	if rest != "" {
		s += exported(rest)
	}
	switch {
	case token.IsKeyword(s), reserved[s]:
		return s + "_"
	}
	return s
}

// reserved are the names that generated functions use themselves, and predeclared ones that they rely on.
var reserved = map[string]bool{
	"ctx": true, "cm": true, "bind": true, "wit": true, "component": true, "context": true, "x": true, "v": true, "r": true, "a": true,
	"err": true, "nil": true, "error": true, "string": true, "true": true, "false": true, "any": true, "uint8": true,
	"len": true, "byte": true, "bool": true, "self": true,
}

// lowerFirst makes an exported name unexported: HTTPError becomes httpError.
func lowerFirst(s string) string {
	n := 0
	for n < len(s) && s[n] >= 'A' && s[n] <= 'Z' {
		n++
	}
	if n > 1 && n < len(s) {
		n-- // the last capital begins the next word
	}
	return strings.ToLower(s[:n]) + s[n:]
}

// fileName is the generated file of an interface.
func fileName(iface string) string { return strings.ReplaceAll(iface, "-", "_") + ".gen.go" }
