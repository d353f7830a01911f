package http

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// exporter gives one linked component by every name.
type exporter struct {
	invoker
	linked *component.Linked
}

func (e *exporter) Linked(string) (*component.Linked, error) { return e.linked, nil }

// TestAdapters: a component is handed requests by the first adapter whose export it has.
func TestAdapters(t *testing.T) {
	ctx := t.Context()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	guest, err := engine.Load(ctx, "c", testref.Guest(t, "rust-http-full-p2"))
	if err != nil {
		t.Fatal(err)
	}
	linker := engine.NewLinker(nil)
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c"}}}
	if _, err := hostwasi.New(hostwasi.Config{}).Bind(ctx, linker, &host.Binding{Workload: w, Component: &w.Components[0]}); err != nil {
		t.Fatal(err)
	}
	linked, err := linker.Link(ctx, guest)
	if err != nil {
		t.Fatal(err)
	}
	var answered []string
	by := func(export string) Adapter {
		return Adapter{Export: wit.MustParseID(export), Handle: func(context.Context, *component.Instance, *wasihttp.IncomingRequest, wasihttp.Responder) error {
			answered = append(answered, export)
			return nil
		}}
	}
	const newer, has, alike = "wasi:http/handler@0.3.0", "wasi:http/incoming-handler@0.2.12", "wasi:http/incoming-handler@0.2.0"
	for _, c := range []struct {
		adapters []string
		want     string
	}{
		{[]string{has}, has}, {[]string{newer, has}, has}, {[]string{has, newer}, has}, {[]string{has, alike}, has}, {[]string{newer}, ""},
	} {
		answered = nil
		var config Config
		for _, a := range c.adapters {
			config.Adapters = append(config.Adapters, by(a))
		}
		w := spec("/")
		r, err := New(config).newRoute(w, &w.Triggers[0], &exporter{linked: linked})
		if c.want == "" {
			var none *host.NoExportError
			if !errors.As(err, &none) || len(none.Wanted) != len(c.adapters) || !strings.Contains(err.Error(), "does not export "+newer) {
				t.Errorf("%v: %v", c.adapters, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = r.handle(ctx, nil, nil, nil)
		if !slices.Equal(answered, []string{c.want}) {
			t.Errorf("%v: %v answered, want %s", c.adapters, answered, c.want)
		}
	}
}

// TestConfig: what an embedder writes is refused by Check and Attach as a manifest would be.
func TestConfig(t *testing.T) {
	for name, c := range map[string]struct {
		config any
		want   string
	}{
		"nothing":          {nil, ""},
		"zero":             {Route{}, ""},
		"a path":           {Route{Path: "/x"}, ""},
		"a path of no use": {Route{Path: "x"}, `want a path that begins with /`},
		"another type":     {map[string]any{"path": "/"}, "want an http.Route"},
	} {
		tr := New(Config{})
		w := &workload.Spec{Name: "w", Triggers: []workload.TriggerSpec{{Type: "timer", Config: 5}, {Type: TypeName, Component: "c", Config: c.config}}}
		err := tr.Check(w, &invoker{})
		_, err2 := tr.Attach(t.Context(), w, &invoker{})
		tr.close()
		if c.want == "" && (err != nil || err2 != nil) || c.want != "" && (err == nil || err2 == nil || !strings.Contains(err.Error(), c.want) || err.Error() != err2.Error()) {
			t.Errorf("%s: %v and %v, want %q", name, err, err2, c.want)
		}
	}
}
