package plan

import (
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// standIn is an interface that a link can serve another one by: its functions are of the same types, under other names.
type standIn struct {
	export string
	funcs  map[string]string // of the other one → of export
}

// standIns are those of WASI 0.3, by the imported interface: client.send and handler.handle both give the response to a request
// (wasi:http/client, wasi:http/handler), so that a request can go straight into another component.
var standIns = map[string]standIn{
	"wasi:http/client": {"wasi:http/handler", map[string]string{"send": "handle"}},
}

// serveByStandIn is what serves an import by an export that stands in for it.
func serveByStandIn(want wit.InterfaceID, from *instItem) (item, bool) {
	s, ok := standIns[want.Unversioned().String()]
	if !ok {
		return item{}, false
	}
	for _, n := range from.names {
		have, err := wit.ParseID(n)
		it := from.items[n]
		if err != nil || have.Unversioned().String() != s.export || !wit.Compatible(want.Version, have.Version) || it.sort != binary.SortInstance {
			continue
		}
		out := newInst()
		for _, name := range it.inst.names {
			out.add(name, it.inst.items[name])
		}
		for name, of := range s.funcs {
			f, has := it.inst.items[of]
			if !has {
				return item{}, false
			}
			out.add(name, f)
		}
		it.inst = out
		return it, true
	}
	return item{}, false
}
