package command

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

func spec(names ...string) *workload.Spec {
	w := &workload.Spec{Name: "w"}
	for _, n := range names {
		file := filepath.Join("..", "..", "cli", "testdata", n+".wasm")
		w.Components = append(w.Components, workload.Component{Name: n, Source: workload.Source{File: file}})
	}
	return w
}

func start(t *testing.T, trigger *Trigger, w *workload.Spec) error {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Config{Engine: engine, Triggers: []host.Trigger{trigger}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Close(context.Background())
		_ = engine.Close(context.Background())
	})
	_, err = h.Start(t.Context(), w)
	return err
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		guest string
		check func(err error) bool
	}{
		{"ok", func(err error) bool { return err == nil }},
		{"fail", func(err error) bool {
			var exit *cm.ExitError
			return errors.As(err, &exit) && exit.Code == 1
		}},
		{"trap", func(err error) bool {
			var trap *cm.Trap
			return errors.As(err, &trap) && trap.Code == cm.TrapUnreachable
		}},
	} {
		trigger := New("")
		if err := start(t, trigger, spec(c.guest)); err != nil {
			t.Fatal(err)
		}
		if err := trigger.Run(t.Context()); !c.check(err) {
			t.Errorf("%s: got %v", c.guest, err)
		}
	}
}

func TestComponentChoice(t *testing.T) {
	if err := start(t, New(""), spec("ok", "fail")); err == nil || !strings.Contains(err.Error(), "say which one") {
		t.Errorf("two components: %v", err)
	}
	if err := start(t, New("nobody"), spec("ok")); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("unknown component: %v", err)
	}
	trigger := New("fail")
	if err := start(t, trigger, spec("ok", "fail")); err != nil {
		t.Fatal(err)
	}
	var exit *cm.ExitError
	if err := trigger.Run(t.Context()); !errors.As(err, &exit) {
		t.Errorf("the wrong one ran: %v", err)
	}
}

func TestNoCommand(t *testing.T) {
	w := spec("ok")
	w.Components[0].Source.File = filepath.Join("..", "..", "host", "testdata", "back.wasm")
	var none *host.NoExportError
	// The error is of back.wasm's imports, which are not defined here: they are checked first.
	if err := start(t, New(""), w); errors.As(err, &none) || err == nil {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New("").Run(ctx); err != nil {
		t.Errorf("run before anything is attached: %v", err)
	}
}

// TestStoppedCommand: a command whose workload was stopped before it ran does not run, and the trigger does not keep it
// alive.
func TestStoppedCommand(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	trigger := New("")
	h, err := host.New(host.Config{Engine: engine, Triggers: []host.Trigger{trigger}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := h.Start(t.Context(), spec("ok"))
	if err != nil {
		t.Fatal(err)
	}
	linked, err := trigger.invoker.Linked("ok")
	if err != nil {
		t.Fatal(err)
	}
	kept := weak.Make(linked)
	linked = nil
	if err := h.Stop(t.Context(), id); err != nil {
		t.Error(err)
	}
	if err := trigger.Run(t.Context()); !errors.Is(err, cm.ErrStopping) {
		t.Errorf("ran: %v", err)
	}
	for range 100 {
		if runtime.GC(); kept.Value() == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if kept.Value() != nil {
		t.Error("the linked component is kept")
	}
	runtime.KeepAlive(trigger)
}
