package config_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// call is a call of a function, by its name and its export, and what it gives: a value, or an error's case and payload.
type call struct {
	function, export string
	args             []any
	want             string
}

// storeCalls are those of wasi:config.
var storeCalls = []call{
	{"get", "surface:config/store#get", []any{"key"}, "value"},
	{"get", "surface:config/store#get", []any{"TOKEN"}, "s3cr3t"},
	{"get", "surface:config/store#get", []any{"none"}, "none"},
	{"get-all", "surface:config/store#get-all", nil, "[[TOKEN s3cr3t] [key value]]"},
}

// variableCalls are those of Spin's variables.
func variableCalls(export string) (calls []call) {
	const invalid = "invalid-name: a name has small letters, digits and single underscores, and begins with a letter"
	for name, want := range map[string]string{
		"key": "value", "TOKEN": "s3cr3t", "none": "undefined: no variable none", "a_1": "undefined: no variable a_1",
		"": invalid, "Upper": invalid, "1a": invalid, "_a": invalid, "a_": invalid, "a__b": invalid, "a-b": invalid, "\u00e4": invalid,
	} {
		calls = append(calls, call{"get", export, []any{name}, want})
	}
	return calls
}

// served are the packages that the plugin serves, the folder of each in the reference, and calls of all of its functions.
var served = []struct {
	of        *surface.Surface
	reference string
	calls     []call
}{
	{surface.Config, "wasi-config@0.2.0-rc.1", storeCalls},
	{surface.ConfigDraft, "wasi-config@0.2.0-draft-2024-09-27", storeCalls},
	{surface.SpinVariables2, "fermyon-spin@2.0.0", variableCalls("surface:spin/variables#get")},
	{surface.SpinVariables3, "spin-variables@3.0.0", variableCalls("surface:variables/variables#get")},
}

// TestFunctions calls every function of every interface through the boundary of a component.
func TestFunctions(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	for _, s := range served {
		t.Run(s.reference, func(t *testing.T) {
			inst := instantiate(t, engine, s.of)
			var called []string
			for _, c := range s.calls {
				v, err := inst.Call(t.Context(), c.export, c.args...)
				if got := show(v, err); got != c.want {
					t.Errorf("%s %v: %s, wanted %s", c.function, c.args, got, c.want)
				}
				called = append(called, c.function)
			}
			set, err := s.of.Load("../..")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range set.Packages[0].Interfaces[0].AllFuncs() {
				if !slices.Contains(called, f.Name) {
					t.Errorf("%s is not called", f.Name)
				}
			}
		})
	}
}

func instantiate(t *testing.T, engine *component.Engine, of *surface.Surface) *component.Instance {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "..", strings.TrimSuffix(filepath.FromSlash(of.File), "t")+"sm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "surface", wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := engine.NewLinker(nil)
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Config: map[string]string{"key": "value", "TOKEN": "s3cr3t"}}}}
	if _, err := (config.Plugin{}).Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0]}); err != nil {
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

// show is a result as text.
func show(v any, err error) string {
	var fail *cm.ResultError[any]
	switch {
	case errors.As(err, &fail):
		e := fail.Value.(cm.Variant)
		return fmt.Sprint(e.Case, ": ", e.Value)
	case err != nil:
		return err.Error()
	}
	switch v := v.(type) {
	case *string:
		if v == nil {
			return "none"
		}
		return *v
	case nil:
		return "none"
	}
	return fmt.Sprint(v)
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) {
	dir := testref.WIT(t)
	var interfaces []string
	for _, s := range served {
		reference, err := wit.Load(filepath.Join(dir, s.reference))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		reference.Packages[0].StripDocs()
		ours.Packages[0].StripDocs()
		i := ours.Packages[0].Interfaces[0]
		interfaces = append(interfaces, i.ID.String())
		at := slices.IndexFunc(reference.Packages[0].Interfaces, func(r *wit.Interface) bool { return r.ID == i.ID })
		if at < 0 {
			t.Errorf("%s is not in the reference", i.ID)
		} else if want := reference.Packages[0].Interfaces[at].Print(); i.Print() != want {
			t.Errorf("here\n%s\nreference\n%s", i.Print(), want)
		}
	}
	var serves []string
	for _, id := range (config.Plugin{}).Serves() {
		serves = append(serves, id.String())
	}
	if !slices.Equal(serves, interfaces) {
		t.Errorf("serves %v; tested are %v", serves, interfaces)
	}
}
