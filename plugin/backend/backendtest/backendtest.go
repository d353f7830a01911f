// Package backendtest tests what plugins over backends have in common.
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

// Bind binds p to a component named c of a workload.
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

// Lifetime tests that what a component has stored is there for all that it is bound for and gone when all of that is released,
// or kept where the grants say so; and that nothing of anybody else's goes with it. visit stores something of an owner's, and
// says whether it was there already.
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
