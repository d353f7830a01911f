package workload

import "time"

// Limits bound what a component may use. Every limit is in force: 0 is its default. A guest that exceeds one ends with a trap of
// the limit's own code, or gets the interface's error for it.
//
// Linked components, and those of a trigger's chain, run in one instance, which has the deadline, fuel, memory, host memory, stack,
// tables, call depth and handles of the component that the trigger names. The other limits are each component's own.
type Limits struct {
	Deadline  time.Duration // an invocation; trap deadline
	Fuel      uint64        // guest work of an invocation, in loop iterations and function entries; trap fuel
	Memory    uint64        // bytes, all memories of an instance; memory.grow fails, an instance that starts with more traps
	Stack     uint64        // bytes of stack that the calls of an instance take, nested calls together; trap call-stack-exhausted
	Tables    uint32        // elements, all tables of an instance; table.grow fails
	CallDepth int           // nested calls between components; trap call-depth
	Handles   int           // resources that a component instance holds at a time; trap handle-table-full

	// HostMemory is the bytes that the host holds for an instance: its resources' data, the values of running calls, and, if it is
	// set, stack beyond 2 MiB of each chain of calls. The default is that of Memory. The guest gets the interface's error, or trap
	// host-memory if the interface has none.
	HostMemory uint64

	Files    int // open files and folders of an instance; insufficient-memory
	Sockets  int // open sockets and name lookups of an instance; new-socket-limit
	Requests int // outgoing HTTP requests of an instance that are under way; connection-limit-reached

	Headers uint64 // bytes, headers or trailers of each HTTP message, in or out; 431, HTTP-response-header-section-size, trap headers
	Body    uint64 // bytes, each HTTP body, in or out; 413, HTTP-request-body-size, HTTP-response-body-size

	// Lines of standard output, standard error and wasi:logging, as the console and telemetry see them, and spans, log records
	// and exports of metrics that the component makes itself, each of which counts as a line: those of one invocation, and
	// those of all instances of the component in a second. Lines over it are dropped, counted, and reported once.
	OutputLines, OutputBytes                   uint64
	OutputLinesPerSecond, OutputBytesPerSecond uint64
}

// MinStack and MaxStack bound Limits.Stack.
const (
	MinStack = 64 << 10
	MaxStack = 1 << 30
)

// MaxHeaders is the largest value of Limits.Headers.
const MaxHeaders = 1 << 20

// DefaultLimits are the limits of a component that sets none. `vitrine run` has no default for Deadline, Fuel, OutputLines and
// OutputBytes.
func DefaultLimits() Limits {
	return Limits{
		Deadline:  30 * time.Second,
		Fuel:      100e9,
		Memory:    1 << 30,
		Stack:     128 << 20,
		Tables:    10e6,
		CallDepth: 100,
		Handles:   100e3,

		HostMemory: 1 << 30,

		Files:    256,
		Sockets:  256,
		Requests: 64,
		Headers:  128 << 10,
		Body:     1 << 30,

		OutputLines: 10e3, OutputBytes: 10 << 20,
		OutputLinesPerSecond: 20e3, OutputBytesPerSecond: 10 << 20,
	}
}

// Filled is l with the defaults in place of zeros; HostMemory's is Memory.
func (l Limits) Filled() Limits {
	d := DefaultLimits()
	setDefault(&l.Deadline, d.Deadline)
	setDefault(&l.Fuel, d.Fuel)
	setDefault(&l.Memory, d.Memory)
	setDefault(&l.Stack, d.Stack)
	setDefault(&l.Tables, d.Tables)
	setDefault(&l.CallDepth, d.CallDepth)
	setDefault(&l.Handles, d.Handles)
	setDefault(&l.HostMemory, l.Memory)
	setDefault(&l.Files, d.Files)
	setDefault(&l.Sockets, d.Sockets)
	setDefault(&l.Requests, d.Requests)
	setDefault(&l.Headers, d.Headers)
	setDefault(&l.Body, d.Body)
	setDefault(&l.OutputLines, d.OutputLines)
	setDefault(&l.OutputBytes, d.OutputBytes)
	setDefault(&l.OutputLinesPerSecond, d.OutputLinesPerSecond)
	setDefault(&l.OutputBytesPerSecond, d.OutputBytesPerSecond)
	return l
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
