package telemetry

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Detail says how much becomes a span. Metrics do not depend on it.
type Detail int32

// The levels of detail, each with all of the one before.
const (
	DetailInvocation Detail = iota + 1 // events, exports
	DetailBoundary                     // guest→guest, and every import call worth a span
	DetailAll                          // file system, sockets, streams, clocks, getters
)

// ParseDetail reads a level as manifests and flags spell it; "" gives def.
func ParseDetail(s string, def Detail) (Detail, bool) {
	switch s {
	case "":
		return def, true
	case "invocation":
		return DetailInvocation, true
	case "boundary":
		return DetailBoundary, true
	case "all":
		return DetailAll, true
	}
	return def, false
}

// convention is what is known of an interface beyond its types.
type convention struct {
	detail Detail         // the least level at which its calls are spans
	make   conventionMake // the semantic convention of one of its functions; nil for none
	sends  bool           // the first argument is a request that goes out, which carries the context on
}

// conventionMake makes the hooks for one boundary.
type conventionMake func(base *hostCall) cm.Hooks

// conventions is the table of interfaces and functions: "namespace:package/interface" or with "#func" after it, without
// version. "namespace:package" stands for all interfaces of a package. The longest entry that fits counts. An import that
// no entry fits is a span at level boundary: a capability that nobody listed is still seen.
var conventions = map[string]convention{
	"wasi:io":         {detail: DetailAll},
	"wasi:clocks":     {detail: DetailAll},
	"wasi:random":     {detail: DetailAll},
	"wasi:filesystem": {detail: DetailAll},
	"wasi:sockets":    {detail: DetailAll},
	"wasi:cli":        {detail: DetailAll},
	"wasi:logging":    {detail: DetailAll},
	"wasi:otel":       {detail: DetailAll},
	"wasi:config":     {detail: DetailAll},

	"wasi:http/types":                   {detail: DetailAll},
	"wasi:http/outgoing-handler#handle": {detail: DetailBoundary, make: newClientCall, sends: true},
	"wasi:http/client#send":             {detail: DetailBoundary, make: newClientCall, sends: true},
}

// conventionOf finds the entry for a boundary. Dropping a resource is noise wherever it happens.
func conventionOf(b *cm.Boundary) convention {
	id := b.Interface.Unversioned()
	pkg := id.Namespace + ":" + id.Package
	for _, key := range []string{id.String() + "#" + b.Func, id.String(), pkg} {
		if c, ok := conventions[key]; ok {
			return c
		}
	}
	if strings.HasPrefix(b.Func, "[resource-drop]") {
		return convention{detail: DetailAll}
	}
	return convention{detail: DetailBoundary}
}
