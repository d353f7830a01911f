package telemetry

import (
	"context"
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TestDetailAtRunTime: the level changes for the components that it is asked for, those that are started later included; a wider change takes back the
// narrower ones before it, and 0 is what the specification says.
func TestDetailAtRunTime(t *testing.T) {
	b := newHarness(t, func(_ *Config, w *workload.Spec) { w.Components[0].Detail = "invocation" })
	tel, spec := b.Telemetry, b.spec
	start := func(i int) func() { return tel.Component(spec, &spec.Components[i]).Release }
	start(1)
	shown := func() (s string) {
		for _, d := range tel.Details() {
			s += fmt.Sprintf("%s %s %s; ", d.Workload, d.Component, d.Detail)
		}
		return s
	}
	expect := func(when, want string) {
		t.Helper()
		if got := shown(); got != want {
			t.Errorf("%s: %s", when, got)
		}
	}
	expect("at first", "test/shop cart boundary; test/shop shop invocation; ")
	if n := tel.SetDetail("test/shop", "price", DetailAll); n != 0 {
		t.Errorf("%d components of a name that does not run", n)
	}
	release := start(2)
	expect("one that is started later", "test/shop cart boundary; test/shop price all; test/shop shop invocation; ")
	release()
	expect("released", "test/shop cart boundary; test/shop shop invocation; ")
	if n := tel.SetDetail("", "", DetailAll); n != 2 {
		t.Errorf("%d components", n)
	}
	e := b.bind(clockEdge)
	e.cross(context.Background(), nil, nothing)
	if n := len(b.ended()); n != 1 {
		t.Errorf("%d spans of a call at level all", n)
	}
	tel.SetDetail("test/shop", "", 0)
	start(2)
	expect("as specified", "test/shop cart boundary; test/shop price boundary; test/shop shop invocation; ")
	if n := tel.SetDetail("shop", "", DetailAll); n != 0 {
		t.Errorf("%d components of a workload that does not run", n)
	}
}
