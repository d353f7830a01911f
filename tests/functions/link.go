package functions

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Link adds what a component imports to a linker, for the time of a test.
type Link func(t testing.TB, l *component.Linker)

// Plugin links a plugin that is bound to a component, named c, of the workload w. lines take what operators are told.
func Plugin(p host.Plugin, c workload.Component, lines ...host.LogSink) Link {
	return func(t testing.TB, l *component.Linker) {
		t.Helper()
		c.Name = "c"
		w := &workload.Spec{Name: "w", Components: []workload.Component{c}}
		release, err := p.Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0], Lines: host.NewLines(w, &w.Components[0], lines...)})
		if err != nil {
			t.Fatal(err)
		}
		if release != nil {
			t.Cleanup(release)
		}
	}
}

// Lines keeps the texts of lines. It is safe for concurrent use.
type Lines struct {
	mu  sync.Mutex
	all []string
}

// Log implements host.LogSink.
func (l *Lines) Log(_ context.Context, line host.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line.Text)
}

// All are the lines so far.
func (l *Lines) All() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// Engine is one for the time of a test.
func Engine(t testing.TB) *component.Engine {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return engine
}

// Instance is an instance of the component in a file, linked with what l has, for the time of a test.
func Instance(t testing.TB, engine *component.Engine, l *component.Linker, file string) *component.Instance {
	t.Helper()
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "guest", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(inst.Close(context.Background()), linked.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return inst
}
