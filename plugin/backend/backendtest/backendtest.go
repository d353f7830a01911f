// Package backendtest tests what keyvalue and blobstore share.
package backendtest

import (
	"context"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Bind binds p to a component named c of a workload in the namespace n.
func Bind(t *testing.T, p host.Plugin, workloadName string, grants workload.Grants) (release func(), err error) {
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
	w := &workload.Spec{Namespace: "n", Name: workloadName, Components: []workload.Component{{Name: "c", Grants: grants}}}
	return p.Bind(t.Context(), engine.NewLinker(nil), &host.Binding{Workload: w, Component: &w.Components[0]})
}

// Lifetime tests that a component's data lives until the last of its bindings is released, or longer if kept says so, and that
// other owners' data stays. visit stores data of an owner, and says whether it was there before.
func Lifetime(t *testing.T, p host.Plugin, grants workload.Grants, kept bool, visit func(backend.Owner) (found bool)) {
	t.Helper()
	bind := func(name string) (release func()) {
		release, err := Bind(t, p, name, grants)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	found := func(name string) bool { return visit(backend.Owner{Namespace: "n", Workload: name, Component: "c"}) }
	first, second, other := bind("w"), bind("w"), bind("v") // linked into two programs of one workload; and another workload
	got := []bool{found("w"), found("v")}
	first()
	got = append(got, found("w"))
	second()
	got = append(got, found("w"), found("v"))
	other()
	got = append(got, found("v"))
	if want := []bool{false, false, true, kept, true, kept}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
