package bindgen

import (
	"go/token"
	"go/types"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
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

// local is the Go name of a parameter: lower camel case.
func local(name string) string {
	first, rest, _ := strings.Cut(name, "-")
	s := strings.ToLower(first)
	if rest != "" {
		s += exported(rest)
	}
	return s
}

// params are the Go names of parameters: none is a keyword, hides a name that generated code uses, or is there twice.
func (p *goPackage) params(fields []wit.Field) []string {
	names := make([]string, len(fields))
	taken := map[string]bool{}
	for i, f := range fields {
		s := local(f.Name)
		alias := strings.TrimRight(s, "0123456789")
		if token.IsKeyword(s) || reserved[s] || types.Universe.Lookup(s) != nil || p.taken[s] != "" || p.packages[s] || p.packages[alias] {
			s += "_"
		}
		names[i] = takeUnique(s, taken)
	}
	return names
}

// reserved are the names that generated functions use themselves.
var reserved = map[string]bool{
	"ctx": true, "cm": true, "bind": true, "wit": true, "component": true, "context": true, "x": true, "v": true, "r": true, "a": true,
	"err": true, "self": true,
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

// fileName is the generated file of an interface. Go builds one that ends as a system or a processor is called on that alone.
func fileName(iface string) string {
	name := strings.ReplaceAll(iface, "-", "_")
	if last := name[strings.LastIndexByte(name, '_')+1:]; last != name && constraints[last] {
		name += "_wit"
	}
	return name + ".gen.go"
}

// constraints are the ends of file names that say where to build a file, or when; see go help buildconstraint.
var constraints = named(
	"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd", "openbsd", "plan9",
	"solaris", "wasip1", "windows", "zos",
	"386", "amd64", "amd64p32", "arm", "arm64", "arm64be", "armbe", "loong64", "mips", "mips64", "mips64le", "mips64p32", "mips64p32le",
	"mipsle", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm", "test",
)

func named(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}
