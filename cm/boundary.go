package cm

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// BoundaryKind says who calls whom.
type BoundaryKind uint8

// The kinds of boundary. Event is the outermost one: something outside (a request, a timer) that a trigger turns into
// an invocation; it has no WIT function of its own.
const (
	HostToGuest BoundaryKind = iota + 1
	GuestToHost
	GuestToGuest
	Event
)

// String is the kind in words.
func (k BoundaryKind) String() string {
	switch k {
	case HostToGuest:
		return "host→guest"
	case GuestToHost:
		return "guest→host"
	case GuestToGuest:
		return "guest→guest"
	case Event:
		return "event"
	}
	return "unknown"
}

// Path names one party of a boundary: the component's path inside its workload ("shop", "shop/cart"), "host" for the
// host, or a trigger's type for the caller of an event.
type Path string

// unnamed is the prefix of path elements of components without a name.
const unnamed = "instance-"

// Unnamed is the path of a component inside p that has no name; place is its index among the instances.
func (p Path) Unnamed(place uint32) Path {
	return p.Inner(unnamed + strconv.FormatUint(uint64(place), 10))
}

// Inner is the path of a component inside p.
func (p Path) Inner(name string) Path {
	if p == "" {
		return Path(name)
	}
	return p + "/" + Path(name)
}

// Name is the component's name for people: the last element of its path that does not come from Unnamed.
func (p Path) Name() string {
	for rest := string(p); ; {
		at := strings.LastIndexByte(rest, '/')
		place, ok := strings.CutPrefix(rest[at+1:], unnamed)
		if _, err := strconv.ParseUint(place, 10, 32); !ok || err != nil || at < 0 {
			return rest[at+1:]
		}
		rest = rest[:at]
	}
}

// Boundary is one function edge, fixed when a component is linked. It is made where a lift meets a lower, never for an
// alias. Statically composed components are flattened by the plan but keep their Path, so calls between them are
// boundaries like any other. Boundaries are immutable and compared by pointer.
type Boundary struct {
	ID             uint32
	Kind           BoundaryKind
	Caller, Callee Path
	Interface      wit.InterfaceID // wasi:http/handler@0.3.0; zero for a function at the root of a world
	Func           string          // [method]descriptor.read
	Type           *FuncType       // nil for an Event
	Async          bool
}

// Name is "interface#func", or the bare function name at the root of a world.
func (b *Boundary) Name() string {
	if b.Interface == (wit.InterfaceID{}) {
		return b.Func
	}
	return b.Interface.String() + "#" + b.Func
}

// String is who calls whom, and what: "shop/cart → host: wasi:clocks/wall-clock@0.2.12#now". Names may hold any text.
func (b *Boundary) String() string {
	if b == nil {
		return "no boundary"
	}
	return string(b.Caller.orHost()) + " → " + string(b.Callee.orHost()) + ": " + b.Name()
}

// orHost is p, or "host" for a party that has no path.
func (p Path) orHost() Path { return cmp.Or(p, "host") }
