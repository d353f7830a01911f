package host

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// oneBackend is a plugin whose components share one backend.
type oneBackend struct{ health Health }

func (*oneBackend) Name() string              { return "one" }
func (*oneBackend) Serves() []wit.InterfaceID { return nil }
func (p *oneBackend) Bind(_ context.Context, _ *component.Linker, b *Binding) (func(), error) {
	b.Uses("keyvalue", "default", "redis", &p.health)
	b.Uses("keyvalue", "default", "redis", &p.health)
	return nil, nil
}

// TestBackendStatus: the state of a backend is in the status of each workload that uses it, and in an event; the log has one line for a
// change, however many use it.
func TestBackendStatus(t *testing.T) {
	p := &oneBackend{}
	var log bytes.Buffer
	h := newFixture(t, func(c *Config, _ *workload.Spec) {
		c.Plugins, c.Logger = append(c.Plugins, p), slog.New(slog.NewTextHandler(&log, nil))
	})
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	second := h.spec.Components[0]
	second.Name = "second"
	specs := []*workload.Spec{
		{Name: "a", Components: append(h.spec.Components, second)},
		{Name: "b", Components: h.spec.Components},
	}
	var ids []workload.ID
	for _, w := range specs {
		if _, err := h.Check(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		id, err := h.Start(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	status := func(id workload.ID) workload.Status {
		t.Helper()
		s, err := h.Status(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := status(ids[0])
	if len(before.Backends) != 2 || before.Backends[0].Component != "guest" || before.Backends[1].Component != "second" || before.Backends[0].Grant != "default" || !before.Usable() {
		t.Errorf("%+v", before)
	}
	p.health.Down(workload.BackendTimeout)
	p.health.Down(workload.BackendConnection)
	for _, id := range ids {
		s := status(id)
		if b := s.Backends[0]; b.State.Error != workload.BackendTimeout || b.State.Since.IsZero() || s.Usable() || s.State != workload.Running {
			t.Errorf("%+v", s)
		}
	}
	if before.Backends[0].State.Down() {
		t.Error("a status that somebody has was changed")
	}
	for e := range h.Watch(t.Context()) {
		if e.ID == ids[1] {
			if e.Usable() {
				t.Errorf("%+v", e.Status)
			}
			break
		}
	}
	p.health.Up()
	p.health.Up()
	if s := status(ids[1]); !s.Usable() || s.Backends[0].State.Since.IsZero() {
		t.Errorf("%+v", s)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `level=WARN msg="a backend is down: calls fail until it is there again" backend="keyvalue redis" for="a/guest default, a/second default, b/guest default" reason=timeout`) ||
		!strings.Contains(lines[1], `level=INFO msg="a backend is up again" backend="keyvalue redis"`) {
		t.Errorf("the log has\n%s", log.String())
	}
	fewer := &workload.Spec{Name: "a", Components: h.spec.Components}
	if _, err := h.Replace(t.Context(), fewer); err != nil {
		t.Fatal(err)
	}
	if s := status(ids[0]); len(s.Backends) != 1 || s.Backends[0].Component != "guest" || s.Backends[0].State.Since.IsZero() {
		t.Errorf("of another start: %+v", s)
	}
	if err := h.Stop(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	p.health.Down(workload.BackendTimeout)
	if s := status(ids[0]); s.Backends != nil || !strings.Contains(log.String(), "for=\"b/guest default\" reason=timeout") {
		t.Errorf("of a workload that was stopped: %+v\n%s", s, log.String())
	}
}
