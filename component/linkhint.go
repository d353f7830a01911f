package component

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/wit"
)

// wasiCall is a call that defines interfaces of a package of WASI.
type wasiCall struct {
	version, pkg string // compatible versions, too
	interfaces   []string
	expr         string // Go; empty: addWASI
	imports      string
}

// addWASI defines all packages but http.
const addWASI = "wasi.Add(linker, wasi.Config{…})"

const (
	wasiP2 = "0.2.12"
	wasiP3 = "0.3.0"
)

var wasiCalls = []wasiCall{
	{version: wasiP2, pkg: "io", interfaces: []string{"error", "poll", "streams"}},
	{version: wasiP2, pkg: "clocks", interfaces: []string{"monotonic-clock", "timezone", "wall-clock"}},
	{version: wasiP2, pkg: "random", interfaces: []string{"insecure", "insecure-seed", "random"}},
	{version: wasiP2, pkg: "filesystem", interfaces: []string{"preopens", "types"}},
	{version: wasiP2, pkg: "cli", interfaces: []string{"environment", "exit", "stderr", "stdin", "stdout", "terminal-input", "terminal-output",
		"terminal-stderr", "terminal-stdin", "terminal-stdout"}},
	{version: wasiP2, pkg: "sockets", interfaces: []string{"instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"}},
	{version: wasiP2, pkg: "http", interfaces: []string{"outgoing-handler", "types"},
		expr: "httpp2.Add(linker, wasihttp.NewClient(wasihttp.ClientConfig{…}))", imports: "github.com/vitrine-wasm/vitrine/wasi/http/p2 and …/wasi/http"},
	{version: wasiP3, pkg: "clocks", interfaces: []string{"monotonic-clock", "system-clock", "timezone", "types"}},
	{version: wasiP3, pkg: "random", interfaces: []string{"insecure", "insecure-seed", "random"}},
	{version: wasiP3, pkg: "filesystem", interfaces: []string{"preopens", "types"}},
	{version: wasiP3, pkg: "cli", interfaces: []string{"environment", "exit", "stderr", "stdin", "stdout", "terminal-input", "terminal-output",
		"terminal-stderr", "terminal-stdin", "terminal-stdout", "types"}},
	{version: wasiP3, pkg: "sockets", interfaces: []string{"ip-name-lookup", "types"}},
	{version: wasiP3, pkg: "http", interfaces: []string{"client", "types"},
		expr: "httpp3.Add(linker, wasihttp.NewClient(wasihttp.ClientConfig{…}))", imports: "github.com/vitrine-wasm/vitrine/wasi/http/p3 and …/wasi/http"},
}

// defining is the Go expression that defines an interface of WASI in a linker, and the packages that it is of; empty for others.
func defining(id wit.InterfaceID) (expr, imports string) {
	if id.Namespace != "wasi" {
		return "", ""
	}
	for _, c := range wasiCalls {
		switch {
		case c.pkg != id.Package || !wit.Compatible(id.Version, c.version) || !slices.Contains(c.interfaces, id.Interface):
		case c.expr == "":
			return addWASI, "github.com/vitrine-wasm/vitrine/wasi"
		default:
			return c.expr, c.imports
		}
	}
	return "", ""
}
