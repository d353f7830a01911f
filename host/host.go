package host

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves WIT interfaces to the components that import them. A plugin holds no telemetry code.
type Plugin interface {
	Name() string
	// Serves lists the interfaces that Bind defines.
	Serves() []wit.InterfaceID
	// Bind defines them in l for one component of a workload that is being started, once for each program that the
	// component is linked into. What the component's grants do not allow must fail closed. release releases what Bind has
	// made; nil if there is nothing. The host calls it exactly once: when the workload has been stopped and its
	// invocations have ended, when its start fails, or when it was only checked. An invocation that could not be made to
	// end may still call what was released: that must fail or do nothing, and not panic.
	Bind(ctx context.Context, l *component.Linker, b *Binding) (release func(), err error)
}

// Binding is what a plugin is bound to: one component of one start of a workload. Plugins must not change it.
type Binding struct {
	Workload  *workload.Spec
	Component *workload.Component
	// Internal answers requests to components of the workload, by http://NAME.internal (workload.InternalComponent), as a
	// wasihttp.LocalServer's handler does; nil: the host has no trigger that could hand them over. Which of them the component may send is the plugin's to know, from its grants.
	Internal http.Handler
	// Connected is to be called for each connection of the component to a service of its workload, in the context of the guest's call; what
	// it returns is to be called once, when the connection has ended, with the bytes that it has carried.
	Connected func(ctx context.Context, c Connection) (ended func(sent, received uint64))
	uses      func(workload.BackendStatus, *Health) // nil: nobody asks
	// Lines takes what the component writes; all plugins of the component share it, and so its limits. Nil drops it.
	Lines *Lines
	// Telemetry takes the spans, metrics and log records that the component makes itself, within the limits of its lines. A host never
	// leaves it nil; without an observer it drops them.
	Telemetry otel.Sink
}

// Starter and Stopper are optional interfaces of plugins.
type (
	Starter interface {
		Start(ctx context.Context) error
	}
	Stopper interface {
		Stop(ctx context.Context) error
	}
)

// Trigger turns outside events into invocations.
type Trigger interface {
	Type() string // "http"
	// Attach starts to serve the triggers of this type in w. What it returns detaches them: no new events, running ones
	// drained until ctx ends.
	Attach(ctx context.Context, w *workload.Spec, inv Invoker) (detach func(context.Context) error, err error)
	// Run serves until ctx ends.
	Run(ctx context.Context) error
}

// Checker is an optional interface of triggers: Check finds what Attach would refuse, and attaches nothing.
type Checker interface {
	Check(w *workload.Spec, inv Invoker) error
}

// Chainer is an optional power of triggers whose events can pass through other components first (workload.TriggerSpec.Chain).
// Handlers are the interfaces, of any version, by which the components of a chain can call each other, the preferred first: all
// components of a chain but the last import and export the same one of them, and the last exports it.
type Chainer interface {
	Handlers() []wit.InterfaceID
}

// InternalServer is an optional power of triggers: Internal hands requests to components of w in the process, by the names of
// their hosts. It is asked once for each start of a workload, before inv knows of components.
type InternalServer interface {
	Internal(w *workload.Spec, inv Invoker) http.Handler
}

// NoExportError says that a trigger cannot reach a component, because it does not export what the trigger calls.
type NoExportError struct {
	Component string
	Wanted    []wit.InterfaceID // any of them
	Exports   []wit.InterfaceID // what it exports instead
}

// Error says what was wanted and what there is.
func (e *NoExportError) Error() string {
	had := make([]string, len(e.Exports))
	for i, x := range e.Exports {
		had[i] = x.String()
		if x == (wit.InterfaceID{}) {
			had[i] = "functions of its own"
		}
	}
	wanted := make([]string, len(e.Wanted))
	for i, x := range e.Wanted {
		wanted[i] = x.String()
	}
	if len(had) == 0 {
		had = []string{"nothing that can be called"}
	}
	return fmt.Sprintf("component %s does not export %s; it exports %s", e.Component, strings.Join(wanted, " or "), strings.Join(had, ", "))
}

// FirstExport is the index of the first of wanted that a component exports, in its version or a compatible one. name is the component's, for the
// error of one that exports none: a [*NoExportError].
func FirstExport(name string, linked *component.Linked, wanted ...wit.InterfaceID) (int, error) {
	for i, id := range wanted {
		if _, ok := linked.FindExport(id); ok {
			return i, nil
		}
	}
	return -1, &NoExportError{Component: name, Wanted: wanted, Exports: linked.Exports()}
}

// Invocation is one event on its way through one instance.
type Invocation struct {
	Component string // what the event calls: its trigger's workload.TriggerSpec.Target, which is a component's name or a chain
	Trigger   string // the trigger's type; the caller of the Event boundary
	Name      string // what happened, low in cardinality: the route of a request
	// Subject is the event itself, for observers: an HTTPSubject, MessageSubject or TimerSubject, or a type of its trigger's own. May be
	// nil.
	Subject any
	// Refuse is set if the trigger has found the event to be over a limit: it is observed like any other and settled with this error, but
	// no instance is used and Run is not called.
	Refuse error
	// NoWait says that an instance which this one would wait for might itself wait for the end of this one: it is refused with an
	// overload trap where none is free.
	NoWait bool
	// Unbounded exempts it from the component's deadline and fuel, for one that may go on for as long as the workload.
	Unbounded bool
	// Run does the work in the instance that the Invoker chose.
	Run func(ctx context.Context, inst *component.Instance) error
	// Parts, where it is set, is Run in two parts, between which an invocation needs no goroutine. An Invoker that does not know of it calls Run:
	// [Invocation.Begun] tells.
	Parts Parts
	// Alone, where it is set, is what a trigger does itself, in place of Run, without a component (workload.TriggerType.Alone): Component is empty.
	Alone func(ctx context.Context) error
	// Settle gets the invocation's error before the event's boundary is left, so that the trigger's answer (500, 503, 504) is part of the
	// event. It may be nil.
	Settle func(ctx context.Context, err error)

	begun *execution // of its Parts; nil: it has ended with Invoke
}

// Parts is the work of an invocation in two parts. Begin begins it in the instance that the Invoker chose, and returns without waiting for
// it; if it fails, that is the work's end, and Finish is not called. Finish waits for the end of the work.
type Parts interface {
	Begin(ctx context.Context, inst *component.Instance) error
	Finish(ctx context.Context) error
}

// Begun says, when Invoke has returned, that its Parts have begun, and the invocation goes on: End has to be called.
func (i *Invocation) Begun() bool { return i.begun != nil }

// End calls Finish, does the rest of an invocation that has begun, and returns its error as Invoke would. It is to be called once, on any
// goroutine; the invocation keeps its instance until then.
func (i *Invocation) End() error { return i.begun.end() }

// Invoker chooses instances (fresh, reset, reused), applies deadline and limits, and classifies errors. Invoke returns the error that
// Settle got: nil, or an error that holds a *cm.Trap when the guest, the host or a limit ended it.
type Invoker interface {
	Invoke(ctx context.Context, inv *Invocation) error
	// Linked is the linked component that serves target (workload.TriggerSpec.Target), for triggers that look at its exports when
	// they attach.
	Linked(target string) (*component.Linked, error)
}

// Host is the one contract for the CLI, the dashboard, the cluster agent and embedders.
type Host interface {
	Start(ctx context.Context, w *workload.Spec) (workload.ID, error)
	Stop(ctx context.Context, id workload.ID) error
	Status(ctx context.Context, id workload.ID) (workload.Status, error)
	Watch(ctx context.Context) iter.Seq2[workload.Event, error]
}

// Severity is a log line's severity, by the numbers of OpenTelemetry's data model.
type Severity int

// Severities that guests can express.
const (
	SeverityTrace Severity = 1
	SeverityDebug Severity = 5
	SeverityInfo  Severity = 9
	SeverityWarn  Severity = 13
	SeverityError Severity = 17
	SeverityFatal Severity = 21
)

// LogLine is one framed line that a guest wrote. Namespace, Workload, Version and Component are those of its workload's
// document.
type LogLine struct {
	Namespace string
	Workload  string
	Version   string
	Component string
	Stream    string // stdout, stderr, log (wasi:logging), or of the host: limit for lines that it drops, denied, failed
	Severity  Severity
	Context   string  // wasi:logging's context; empty otherwise
	Text      string  // without its line end; of a line of JSON with a message, that
	Fields    []Field // of a line of JSON: what it says beside severity, time and message, without secrets; keys of inner objects are joined by dots
	Truncated bool    // the line, or what it has of fields, was longer than the bound and was cut
	Limit     string  // of stream limit: the limit, by its key in the workload; empty otherwise

	parsed bool // Text is a part of the guest's line, whose other parts are Fields
}

// LogSink takes lines; ctx is that of the call in which the line was completed, so its span is the line's. It must not
// block: a sink that is full drops and counts.
type LogSink interface {
	Log(ctx context.Context, l LogLine)
}

// Observer is how telemetry observes a host. Component is called once for each component of each start of a workload; w is the workload, c
// the component. If it returns nil, the component is not observed.
type Observer interface {
	Component(w *workload.Spec, c *workload.Component) ComponentObserver
}

// ComponentObserver observes one component of one start of a workload. Observer.Component fixes whose boundaries, operations, gauges and
// lines it sees; they are never matched by name.
type ComponentObserver interface {
	// The boundaries are the component's and those of the components that it is linked to.
	cm.Interceptor
	LogSink
	LineCounter
	// Release ends it, exactly once, when nothing of the component runs any more. It must not block. What was observed
	// before must not be lost.
	Release()
}
