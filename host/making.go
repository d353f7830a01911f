package host

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/workload"
)

// making holds what the start of a workload has made so far, with everything that has to be released when the workload has ended or its
// start fails. It belongs to the goroutine that starts, checks or stops the workload.
type making struct {
	h       *Local
	w       *workload.Spec
	loaded  map[string]*component.Component // by name
	parts   map[string]*part                // by the component's name
	linked  []*component.Linked
	images  []workload.ImageStatus // of components that have been loaded
	peers   *peers
	started bool // and not only checked
	// internal answers requests to components of the workload; nil: nobody can.
	internal http.Handler

	releases []func()
}

// part is one component of the workload. It is shared by all programs that the component is linked into.
type part struct {
	observer  ComponentObserver // nil: not observed
	lines     *Lines
	telemetry otel.Sink
	backends  backends
}

// interceptor is the observer's; nil where there is none.
func (p *part) interceptor() cm.Interceptor {
	if p.observer == nil {
		return nil
	}
	return p.observer
}

func (h *Local) making(w *workload.Spec) *making {
	m := &making{h: h, w: w, loaded: map[string]*component.Component{}, parts: map[string]*part{}, peers: &peers{}}
	for _, t := range h.cfg.Triggers {
		if s, ok := t.(InternalServer); ok && m.internal == nil {
			m.internal = s.Internal(w, m.peers)
		}
	}
	return m
}

// guestTelemetryOff is the value of [workload.Component.GuestTelemetry] that drops what a component records itself.
const guestTelemetryOff = "off"

// part finds or makes the part of a component: its observer and its lines are the same in all programs.
func (m *making) part(c *workload.Component) *part {
	if p := m.parts[c.Name]; p != nil {
		return p
	}
	p := &part{}
	m.parts[c.Name] = p
	var sinks []LogSink
	if m.h.cfg.Observer != nil {
		p.observer = m.h.cfg.Observer.Component(m.w, c)
	}
	if p.observer != nil {
		m.onRelease(p.observer.Release)
		sinks = append(sinks, p.observer)
	}
	if m.h.cfg.Console != nil {
		sinks = append(sinks, m.h.cfg.Console)
	}
	limits := c.Limits.Filled()
	if m.h.cfg.Deadline < 0 || m.w.Service(c.Name) != nil { // a command may run, and write, for ever; the limits of a second hold all the same
		limits.OutputLines, limits.OutputBytes = c.Limits.OutputLines, c.Limits.OutputBytes
	}
	p.lines = newLines(m.w, c, limits, sinks)
	p.telemetry = otel.Discard
	if c.GuestTelemetry != guestTelemetryOff {
		p.telemetry = limitedTo(p.lines, p.observer)
	}
	return p
}

// link links what events can call.
func (m *making) link(ctx context.Context) (map[string]*entry, error) {
	entries := map[string]*entry{}
	for _, t := range targets(m.w) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		e, err := m.entry(ctx, &t)
		if err != nil {
			return nil, err
		}
		entries[t.name] = e
	}
	if e := m.alone(); e != nil {
		entries[""] = e
	}
	return entries, nil
}

// alone is what triggers have their events observed by that call no component: it has the workload's name. Nil: there are none.
func (m *making) alone() *entry {
	if !slices.ContainsFunc(m.w.Triggers, func(t workload.TriggerSpec) bool { return t.Component == "" }) {
		return nil
	}
	c := m.w.Component(m.w.Name)
	if c == nil {
		c = &workload.Component{Name: m.w.Name}
	}
	return &entry{name: c.Name, interceptor: m.part(c).interceptor(), line: lineOf(m.w, c.Name)}
}

// onRelease has release call f, before the functions added earlier: a component's observer, which is made first, is released last. f may
// be nil.
func (m *making) onRelease(f func()) {
	if f != nil {
		m.releases = append(m.releases, f)
	}
}

// release releases everything but linked components.
func (m *making) release() {
	for i := len(m.releases) - 1; i >= 0; i-- {
		m.releases[i]()
	}
	m.releases = nil
	m.peers.invoker.Store(nil) // a connection of a plugin may outlive the workload, and must not hold its programs
}

// unlink closes linked components, whose instances have been closed.
func (m *making) unlink(ctx context.Context) error {
	var errs []error
	for _, l := range m.linked {
		errs = append(errs, l.Close(context.WithoutCancel(ctx)))
	}
	m.linked = nil
	return errors.Join(errs...)
}
