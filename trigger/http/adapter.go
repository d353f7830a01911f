package http

import (
	"context"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
	"github.com/vitrine-wasm/vitrine/wit"
)

// HandleFunc has an instance answer a request. It returns when the guest's work is done, which may be after the answer. Its error says
// why the guest ended early.
type HandleFunc func(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest, out wasihttp.Responder) error

// Adapter passes requests to components that export one interface.
type Adapter struct {
	Export wit.InterfaceID // any version that is compatible with it will do
	Handle HandleFunc

	begin beginFunc // Handle in two parts; nil: the guest runs on the goroutine of the invocation
}

// beginFunc begins what HandleFunc does.
type beginFunc func(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest) (*httpp3.Handling, error)

// DefaultAdapters are the interfaces that this version knows: wasi:http/handler of WASI 0.3, and incoming-handler of 0.2 for a component
// that has no other. The list is the caller's own.
func DefaultAdapters() []Adapter {
	return []Adapter{
		{Export: wit.MustParseID("wasi:http/handler@0.3.0"), Handle: httpp3.Handle, begin: httpp3.Begin},
		{Export: wit.MustParseID("wasi:http/incoming-handler@0.2.12"), Handle: httpp2.Handle},
	}
}

// growStack makes the goroutine's stack as large as a guest is going to need. Growing it later, in steps, from deep inside guest and host
// calls, takes a tenth of the time of a short request. It is called before anything else, since also the first step copies frames.
//
//go:noinline
func growStack() {
	var room [9 << 10]byte
	use(&room)
}

//go:noinline
func use(*[9 << 10]byte) {}

// Handlers is host.Chainer's: what the adapters call.
func (t *Trigger) Handlers() []wit.InterfaceID {
	out := make([]wit.InterfaceID, len(t.config.Adapters))
	for i, a := range t.config.Adapters {
		out[i] = a.Export
	}
	return out
}

// adapterFor chooses the first adapter whose export the component has. If the invoker returns no linked component, it is the first.
func adapterFor(adapters []Adapter, name string, linked *component.Linked) (*Adapter, error) {
	if linked == nil {
		return &adapters[0], nil
	}
	wanted := make([]wit.InterfaceID, len(adapters))
	for i, a := range adapters {
		wanted[i] = a.Export
	}
	i, err := host.FirstExport(name, linked, wanted...)
	if err != nil {
		return nil, err
	}
	return &adapters[i], nil
}
