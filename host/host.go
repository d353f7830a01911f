package host

import (
	"context"
	"fmt"
	"iter"
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
	// component is linked into. What the component's grants do not allow must fail closed. release gives back what Bind has
	// made; nil where there is nothing. The host calls it exactly once: when the workload has been stopped and its
	// invocations have ended, when its start fails, or when it was only checked. An invocation that could not be made to
	// end may still call what was released: that must fail or do nothing, and not panic.
	Bind(ctx context.Context, l *component.Linker, b *Binding) (release func(), err error)
}

// Binding is what a plugin is bound to: one component of one start of a workload. Plugins change nothing in it.
type Binding struct {
	Workload  *workload.Spec
	Component *workload.Component
	// Lines takes what the component writes; all plugins of the component share it, and so its limits. Nil drops it.
	Lines *Lines
	// Telemetry takes what the component tells of itself in OpenTelemetry's terms, within the limits of what it writes. A
	// host never leaves it nil; where nobody observes, it drops what it is given.
	Telemetry otel.Sink
}

// Starter and Stopper are optional powers of plugins.
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

// Checker is an optional power of triggers: Check finds what Attach would refuse, and attaches nothing.
type Checker interface {
	Check(w *workload.Spec, inv Invoker) error
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

// Invocation is one event on its way through one instance.
type Invocation struct {
	Component string // name in the workload
	Trigger   string // the trigger's type; the caller of the Event boundary
	Name      string // what happened, low in cardinality: the route of a request
	// Subject is the event itself, for those that watch: an HTTPSubject, MessageSubject or TimerSubject, or what only its
	// trigger knows. Nil: there is nothing to say of it.
	Subject any
	// Refuse says that the event is past a limit that its trigger has found: it is settled with this error and seen like
	// any other, but no instance is used and Run is not called.
	Refuse error
	// Run does the work in the instance that the Invoker chose.
	Run func(ctx context.Context, inst *component.Instance) error
	// Settle is told how it ended, before the event's span is closed, so that the trigger can still answer (500, 503,
	// 504) as part of it. It may be nil.
	Settle func(ctx context.Context, err error)
}

// Invoker owns instance choice (fresh, reset, reused), deadline, limits and error classification. Invoke returns what
// Settle was told: nil, or an error that holds a *cm.Trap when the guest, the host or a limit ended it.
type Invoker interface {
	Invoke(ctx context.Context, inv *Invocation) error
	// Linked is the linked component that serves name, for triggers that look at its exports when they attach.
	Linked(component string) (*component.Linked, error)
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

// LogLine is one framed line that a guest wrote. Namespace, Workload, Version and Component say which: what the workload
// says of itself.
type LogLine struct {
	Namespace string
	Workload  string
	Version   string
	Component string
	Stream    string // stdout, stderr, log (wasi:logging), or limit: the host tells of lines that it leaves out
	Severity  Severity
	Context   string // wasi:logging's context; empty otherwise
	Text      string // without its line end
	Truncated bool   // the line was longer than the bound and was cut
	Limit     string // the limit that the host tells of, by its key in the workload; empty otherwise
}

// LogSink takes lines; ctx is that of the call in which the line was completed, so its span is the line's. It must not
// block: a sink that is full drops and counts.
type LogSink interface {
	Log(ctx context.Context, l LogLine)
}

// Observer is telemetry's side of a host. Component is asked once for each component of each start of a workload; w is the
// workload, c the component. Nil observes nothing of it.
type Observer interface {
	Component(w *workload.Spec, c *workload.Component) ComponentObserver
}

// ComponentObserver sees one component of one start of a workload. Whose boundaries, operations, gauges and lines those are
// is settled by Observer.Component once, and never looked up by what they say of themselves.
type ComponentObserver interface {
	// The boundaries are the component's and those of the components that it is linked to.
	cm.Interceptor
	LogSink
	LineCounter
	// Release ends it, exactly once, when nothing of the component runs any more. It must not block; what was observed
	// before is not lost.
	Release()
}
