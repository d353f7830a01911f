package component_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestAliasVersion: what stands for another version is served and found as that; without the alias it is neither.
func TestAliasVersion(t *testing.T) {
	ctx := t.Context()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	// A version of the same length as that of the guest.
	wasm := bytes.ReplaceAll(testref.Guest(t, "rust-cli-p3"), []byte("@0.3.0"), []byte("@7.3.0"))
	guest, err := engine.Load(ctx, "g", wasm)
	if err != nil {
		t.Fatal(err)
	}
	run := wit.MustParseID("wasi:cli/run@0.3.0")
	for _, alias := range []bool{false, true} {
		l := engine.NewLinker(nil)
		if alias {
			l.AliasVersion("wasi", "7.3.0", "0.3.0")
			l.AliasVersion("wasi", "0.3.0", "7.3.0") // in a circle
		}
		var out bytes.Buffer
		if err := wasi.Add(l, wasi.Config{Args: []string{"g", "hello"}, Stdout: func(_ context.Context, p []byte) error { out.Write(p); return nil }}); err != nil {
			t.Fatal(err)
		}
		linked, err := l.Link(ctx, guest)
		if !alias {
			if _, ok := component.IsLinkError(err); !ok {
				t.Errorf("without an alias: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := linked.FindExport(run); !ok || id.Version != "7.3.0" {
			t.Errorf("found %v, %t", id, ok)
		}
		inst, err := linked.Instantiate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		f, err := inst.Func(run, "run")
		if err != nil {
			t.Fatal(err)
		}
		v, err := f.Call(ctx)
		var exit *cm.ExitError
		if err != nil && !errors.As(err, &exit) || err == nil && v.Case() != 0 {
			t.Error(v, err)
		}
		if err := inst.Close(ctx); err != nil || out.String() != "hello from rust-cli-p3\n" {
			t.Errorf("%q, %v", out.String(), err)
		}
	}
}
