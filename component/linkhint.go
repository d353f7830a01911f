package component

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/wit"
)

// wasiP2 is a version of WASI that the packages of this module serve.
const wasiP2 = "0.2.12"

// wasiCall is a call that defines interfaces of WASI.
type wasiCall struct {
	expr       string // Go
	interfaces []string
}

const addWASI = "wasi.Add(linker, wasi.Config{…})"

// wasiCalls are the calls by package of WASI.
var wasiCalls = map[string]wasiCall{
	"io":         {addWASI, []string{"error", "poll", "streams"}},
	"clocks":     {addWASI, []string{"monotonic-clock", "timezone", "wall-clock"}},
	"random":     {addWASI, []string{"insecure", "insecure-seed", "random"}},
	"filesystem": {addWASI, []string{"preopens", "types"}},
	"cli": {addWASI, []string{"environment", "exit", "stderr", "stdin", "stdout", "terminal-input", "terminal-output", "terminal-stderr",
		"terminal-stdin", "terminal-stdout"}},
	"sockets": {addWASI, []string{"instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"}},
	"http":    {"httpp2.Add(linker, wasihttp.NewClient(wasihttp.ClientConfig{…}))", []string{"outgoing-handler", "types"}},
}

var wasiImports = map[string]string{
	addWASI:                "github.com/vitrine-wasm/vitrine/wasi",
	wasiCalls["http"].expr: "github.com/vitrine-wasm/vitrine/wasi/http/p2 and …/wasi/http",
}

// defining is the Go expression that defines an interface of WASI in a linker, and the packages that it is of; empty for others.
func defining(id wit.InterfaceID) (expr, imports string) {
	call := wasiCalls[id.Package]
	if id.Namespace != "wasi" || !wit.Compatible(id.Version, wasiP2) || !slices.Contains(call.interfaces, id.Interface) {
		return "", ""
	}
	return call.expr, wasiImports[call.expr]
}
