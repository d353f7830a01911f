package telemetry

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Detail is which calls become spans. Durations of host calls and of a start's steps are measured at the same level, other metrics at every one.
type Detail int32

// The levels of detail, each with all of the one before.
const (
	DetailInvocation Detail = iota + 1 // events, exports
	DetailBoundary                     // guest→guest, imports without an entry at level all, and of those with one long waits, files and sockets (fold.go)
	DetailAll                          // file system, sockets, streams, clocks, getters
)

// ParseDetail parses a level as in manifests and flags; "" returns def. ok is false for another text.
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

// convention is what telemetry knows of an interface beyond its types.
type convention struct {
	detail       Detail    // the least level at which its calls are spans
	waits        bool      // its calls do nothing but wait
	fold         string    // the name of the span that its calls are together at level boundary; empty: none
	hooks        makeHooks // hooks by a semantic convention of OpenTelemetry's; nil: hostCall's
	sendsRequest bool      // the first argument is a request that goes out, which carries the context on
	sendsMessage bool      // the call sends a message, which carries the context on
	guestRecords bool      // it takes what the component records itself
	store        bool      // it reads and writes a store
	server       bool      // the store is on a server, whatever the backend: its calls are CLIENT spans
}

// makeHooks makes the hooks for one boundary.
type makeHooks func(base *hostCall) cm.Hooks

// conventions is the table of interfaces and functions: "namespace:package/interface", with "#func" after it for one function,
// or "namespace:package" for all interfaces of a package, without versions. The longest matching entry counts. Without an entry
// an import is a span at level boundary, so that unknown capabilities are visible.
var conventions = map[string]convention{
	"wasi:io":         {detail: DetailAll},
	"wasi:clocks":     {detail: DetailAll},
	"wasi:random":     {detail: DetailAll},
	"wasi:filesystem": {detail: DetailAll, fold: "wasi:filesystem"},
	"wasi:sockets":    {detail: DetailAll, fold: "wasi:sockets"},
	"wasi:cli":        {detail: DetailAll},
	"wasi:logging":    {detail: DetailAll},
	"wasi:otel":       {detail: DetailAll, guestRecords: true},
	"wasi:config":     {detail: DetailAll},

	"wasi:clocks/monotonic-clock#wait-for":   {detail: DetailAll, waits: true},
	"wasi:clocks/monotonic-clock#wait-until": {detail: DetailAll, waits: true},

	// Handles that every program asks for: no file or peer is reached.
	"wasi:filesystem/preopens":      {detail: DetailAll},
	"wasi:sockets/instance-network": {detail: DetailAll},
	"wasi:sockets/network":          {detail: DetailAll},

	"wasmcloud:secrets": {detail: DetailAll},

	"fermyon:spin/variables": {detail: DetailAll},
	"spin:variables":         {detail: DetailAll},

	"fermyon:spin/postgres":  {detail: DetailBoundary, store: true, server: true},
	"spin:postgres":          {detail: DetailBoundary, store: true, server: true},
	"wasmcloud:postgres":     {detail: DetailBoundary, store: true, server: true, hooks: newStoreCall},
	"fermyon:spin/sqlite":    {detail: DetailBoundary, store: true},
	"spin:sqlite":            {detail: DetailBoundary, store: true},
	"fermyon:spin/redis":     {detail: DetailBoundary, store: true},
	"spin:redis":             {detail: DetailBoundary, store: true},
	"wasi:keyvalue":          {detail: DetailBoundary, store: true},
	"fermyon:spin/key-value": {detail: DetailBoundary, store: true},
	"spin:key-value":         {detail: DetailBoundary, store: true},
	"wasmcloud:keyvalue":     {detail: DetailBoundary, store: true},
	"wasi:blobstore":         {detail: DetailBoundary, store: true, hooks: newStoreCall},
	"wasmcloud:blobstore":    {detail: DetailBoundary, store: true, hooks: newStoreCall},

	"wasmcloud:messaging/consumer": {detail: DetailBoundary, hooks: newSendCall, sendsMessage: true},

	"fermyon:spin/mqtt#[method]connection.publish": {detail: DetailBoundary, hooks: newSendCall, sendsMessage: true},
	"spin:mqtt/mqtt#[method]connection.publish":    {detail: DetailBoundary, hooks: newSendCall, sendsMessage: true},

	"wasi:http/types":                   {detail: DetailAll},
	"wasi:http/outgoing-handler#handle": {detail: DetailBoundary, hooks: newClientCall, sendsRequest: true},
	"wasi:http/client#send":             {detail: DetailBoundary, hooks: newClientCall, sendsRequest: true},
}

// conventionOf returns the entry for a boundary. Drops of resources are spans at level all only.
func conventionOf(b *cm.Boundary) convention {
	id := b.Interface.Unversioned()
	pkg := id.Namespace + ":" + id.Package
	drop := strings.HasPrefix(b.Func, "[resource-drop]")
	for _, key := range []string{id.String() + "#" + b.Func, id.String(), pkg} {
		if c, ok := conventions[key]; ok {
			if drop {
				c.detail, c.fold = DetailAll, ""
			}
			return c
		}
	}
	if drop {
		return convention{detail: DetailAll}
	}
	return convention{detail: DetailBoundary}
}
