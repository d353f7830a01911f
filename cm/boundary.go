package cm

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

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

// unnamed begins the elements of paths that stand for components which nobody has named.
const unnamed = "instance-"

// Unnamed is the path of a component inside p that nobody has named: its place among the instances says which it is.
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

// Name is what people call the component: the last element of its path that somebody has given it.
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

// Interceptor is asked once per boundary, when a component is linked. A nil Hooks costs one nil check a call.
// Bind may be called from several goroutines for different links.
type Interceptor interface{ Bind(b *Boundary) Hooks }

// Hooks see the crossings of one boundary. They are called from the goroutine that crosses it, which belongs to the
// guest's store: they must not block and must not call into the store. Hooks of one boundary may run concurrently for
// different stores.
type Hooks interface {
	// Enter is called before the callee runs. The context it returns is what the callee (and everything that it calls)
	// sees; return c.Context to leave it.
	Enter(c *Call) context.Context
	// Exit is called exactly once for each Enter: after the callee has ended and, for a call that was held
	// ([Call.Hold]), after the work that it started has ended. It may then run on another goroutine than Enter.
	Exit(c *Call, end End)
}

// Returner is an optional power of Hooks: Returned is called when a result has been handed over while the call goes on
// (a held call; in 0.3 a task after task.return). Exit still follows.
type Returner interface{ Returned(c *Call) }

// Light is an optional power of the Hooks of guest→host boundaries that see most calls only to count them. Where Light says
// so of a call, it goes without a Call, and Count is told how long it took. A call that fails is entered and left all the
// same, at its end.
type Light interface {
	Light() bool
	Count(ctx context.Context, took time.Duration)
}

// Outcome says how a call ended.
type Outcome uint8

// The outcomes.
const (
	OK        Outcome = iota // it returned; the result may still be a WIT error
	Cancelled                // its caller went away
	Trapped                  // it trapped, or a callee did
	Aborted                  // a host error or a limit ended it
)

// String is the outcome in a word.
func (o Outcome) String() string {
	return [...]string{"ok", "cancelled", "trap", "aborted"}[o]
}

// End is how a call ended.
type End struct {
	Outcome Outcome
	Err     error // the trap or host error; nil when OK
	Value   any   // what a held call reports at its end (an *http.Response, say); nil otherwise
	// Guest, Host, Wait and Callees add up to the time between Enter and Exit: in the callee's own code, in host functions
	// that it called and that worked, in such that waited for something outside, and in calls of other components that are
	// observed themselves; what hooks of the latter take is in those. GuestTotal is Guest and that of all components below. Zero when not measured. A call of a host
	// function has Host and Wait only.
	Guest, Host, Wait, Callees, GuestTotal time.Duration
	// Fuel is the work that the callee's own code has done, in loop iterations and function entries; FuelTotal has that of
	// all components below in it.
	Fuel, FuelTotal uint64
	// MemoryPeak is the largest size of the store's memories so far, in bytes. Set on host→guest boundaries only.
	MemoryPeak uint64
	// Limit is a limit that the guest ran into and was told of without a trap; nil if none. On guest→host boundaries the call's
	// result says it. On host→guest ones a memory or a table was not let grow, in this call or after the last, and the guest
	// may have trapped for it.
	Limit *LimitError
}

// Call is one crossing of a boundary. It belongs to the task that makes it, not to the instance: when several requests
// interleave in one instance, each sees its own calls only. A Call is valid from Enter to Exit and is not to be kept.
type Call struct {
	Boundary *Boundary
	Parent   *Call           // the call during which this one was made; nil for the outermost
	Context  context.Context // as it was before Enter
	Subject  any             // for an Event, what happened: one of the host's subjects
	Instance InstanceInfo    // of the callee (host→guest, guest→guest) or of the caller (guest→host)
	State    any             // the hooks' own, from Enter to Exit
	Start    time.Time       // set by whoever makes the call when hooks are bound; zero otherwise

	args, results []Val
	held          bool
	crossing      *Crossing // that it is a part of; nil where it is made by hand
	waited        atomic.Int64
}

// InstanceInfo tells which instance a call ran in.
type InstanceInfo struct {
	ID    uint64 // unique in the process; 0 when there is none
	Reuse string // fresh, reset, serial, concurrent
	Use   uint64 // which invocation it is of those that the instance has had, resets included, from 1; 0 where nobody counts
	// Isolation is what each invocation is to find: fresh, snapshot, reuse. Empty where nobody decided.
	Isolation string
	// NotResettable is why instances of this component are made anew each time ("table-changed" …); empty if they are not.
	NotResettable string
}

// NewCall makes a call by hand, for tests of hooks; see [Crossing] for the call as it is made.
func NewCall(b *Boundary, parent *Call, ctx context.Context) *Call {
	return &Call{Boundary: b, Parent: parent, Context: ctx}
}

// Args are the arguments, in order. Valid only during Enter and Exit; empty for an Event.
func (c *Call) Args() []Val { return c.args }

// Results are the results: none or one. Valid only during Exit and Returned.
func (c *Call) Results() []Val { return c.results }

// SetArgs is for those who make calls.
func (c *Call) SetArgs(vs []Val) { c.args = vs }

// Hold keeps the call open after its host function has returned, because the work goes on: an outgoing request whose
// answer comes later, say. The function it returns ends the call, from any goroutine; calls after the first do nothing.
// It is nil-safe: without a Call (no hooks are bound), and for a Call of another kind than guest→host (hooks are bound to
// what surrounds the host function, and none to itself), it returns a function that does nothing.
func (c *Call) Hold() func(value any, err error) {
	if c == nil || c.Boundary.Kind != GuestToHost || c.crossing == nil {
		return func(any, error) {}
	}
	c.held = true
	return c.crossing.finish
}

// Held says whether Hold was called; for those who make calls.
func (c *Call) Held() bool { return c.held }

// AddWait records that the host function of this call spent d waiting for something outside. It is noted with this call
// alone: whoever made it hears of it at its end. Nil-safe, and safe for concurrent use. Host functions that block call it
// through [Waiting].
func (c *Call) AddWait(d time.Duration) {
	if c != nil {
		c.waited.Add(int64(d))
	}
}

// Waited is what AddWait has added up.
func (c *Call) Waited() time.Duration { return time.Duration(c.waited.Load()) }

type callKey struct{}

// WithCall returns a context in which [CallFrom] finds c. The engine and triggers use it.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom finds the current call: inside a host function, the crossing that called it; nil where no hooks are bound.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// CallKey is the key under which a context gives its current *Call, for contexts that answer it without a chain.
func CallKey() any { return callKey{} }

// Waiting measures a wait inside a host function: defer cm.Waiting(ctx)().
func Waiting(ctx context.Context) func() {
	c := CallFrom(ctx)
	if c == nil {
		return func() {}
	}
	start := time.Now()
	return func() { c.AddWait(time.Since(start)) }
}
