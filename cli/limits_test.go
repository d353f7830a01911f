package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// TestLimitOptions: each limit of the manifest has a flag and a variable, and the flag's example sets that limit alone.
func TestLimitOptions(t *testing.T) {
	fields := map[string]reflect.StructField{}
	for f := range reflect.TypeFor[v1alpha1.Limits]().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		fields[key] = f
	}
	for _, o := range limitOptions {
		key := strings.TrimPrefix(o.key, limitKey)
		f, ok := fields[key]
		if !ok {
			t.Errorf("--%s: the manifest has no limit %q", o.name, key)
			continue
		}
		delete(fields, key)
		if want := "VITRINE_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_")); o.env != want {
			t.Errorf("--%s: variable %s, wanted %s", o.name, o.env, want)
		}
		var c workload.Component
		value, ok := strings.CutPrefix(o.example, "--"+o.name+" ")
		if err := o.apply(&c, []string{value}); !ok || err != nil {
			t.Errorf("--%s: the example %q: %v", o.name, o.example, err)
			continue
		}
		m := app.FromSpec(&workload.Spec{Components: []workload.Component{c}})
		got := reflect.ValueOf(m.Spec.Components[0].Limits)
		for i := range got.NumField() {
			if name := got.Type().Field(i).Name; got.Field(i).IsZero() == (name == f.Name) {
				t.Errorf("--%s: the limit %s is %v", o.name, name, got.Field(i))
			}
		}
		for _, bad := range []string{"", "0", "-1", "x", "99999999999999999999"} {
			if err := o.apply(&c, []string{bad}); err == nil {
				t.Errorf("--%s %q is taken", o.name, bad)
			}
		}
	}
	for key := range fields {
		t.Errorf("there is no flag for limits.%s", key)
	}
}

// TestLimitsAreDocumented: the table of the README has every limit with its flag and its default.
func TestLimitsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := app.FromSpec(&workload.Spec{Components: []workload.Component{{Limits: workload.DefaultLimits()}}})
	written, err := app.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range limitOptions {
		key := strings.TrimPrefix(o.key, limitKey)
		_, rest, ok := strings.Cut(string(written), " "+key+": ")
		if !ok {
			t.Errorf("%s has no default", key)
			continue
		}
		value, _, _ := strings.Cut(rest, "\n")
		if row := "| `" + key + "` | " + strings.Trim(value, `"`) + " |"; !strings.Contains(string(text), row) {
			t.Errorf("README.md has no row %s", row)
		}
	}
}

// TestInstanceOptionsAreDocumented: the README's table of instances has every key that the manifest has, with its flag.
func TestInstanceOptionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{"isolation": true, "concurrency": true, "uses": true} // described elsewhere, or not supported yet
	for _, o := range instanceOptions {
		key, ok := strings.CutPrefix(o.key, componentKey+"instances.")
		if !ok || fields[key] {
			continue
		}
		fields[key] = true
		if row := "| `" + key + "` | `--" + o.name + "` | "; !strings.Contains(string(text), row) {
			t.Errorf("README.md has no row %s", row)
		}
	}
	for f := range reflect.TypeFor[v1alpha1.Instances]().Fields() {
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); !fields[key] {
			t.Errorf("there is no flag for instances.%s", key)
		}
	}
}

// TestTooLarge: input beyond one of our bounds is reported otherwise than invalid input.
func TestTooLarge(t *testing.T) {
	for want, err := range map[string]error{
		"the component is too large for vitrine":  &binary.Error{Kind: binary.KindLimit, Msg: "components are nested deeper than 100"},
		"the component is too large for vitrine ": &validate.Error{Limit: true, Msg: "effective type size exceeds the limit"},
		"the component is not valid":              &validate.Error{Msg: "unknown type"},
		"this is no component":                    &binary.Error{Msg: "unknown section"},
		"the file is too large for a component":   &host.TooLargeError{File: "x.wasm"},
	} {
		p := explain(fmt.Errorf("component x: %w", err))
		if p.What != strings.TrimSpace(want) || p.Code != ExitUsage || p.Why == "" {
			t.Errorf("%v: %+v, wanted %q", err, p, want)
		}
	}
	big := filepath.Join(t.TempDir(), "big.wasm")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(host.MaxArtifact + 1); err != nil {
		t.Skipf("no sparse file: %v", err)
	}
	var large *host.TooLargeError
	if _, err := host.ReadArtifact(t.Context(), workload.Source{File: big}); !errors.As(err, &large) {
		t.Errorf("a file of more than a gigabyte: %v", err)
	}
}
