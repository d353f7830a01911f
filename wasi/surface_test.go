package wasi_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestSurface proves that every function of WASI 0.2.12's packages is defined, those behind features included: to define
// it once more is an error. That nothing else is defined follows from the bindings being generated.
func TestSurface(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("wit", "wasi-*@0.2.12"))
	if err != nil || len(dirs) == 0 {
		t.Fatal("no WIT", err)
	}
	set, err := wit.Load(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	empty, err := e.Load(t.Context(), "empty", []byte("\x00asm\x0d\x00\x01\x00"))
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]bool{"run": true} // what a command gives to its host
	n := 0
	for _, p := range set.Packages {
		if p.Name == "http" {
			continue
		}
		for _, i := range p.Interfaces {
			if exported[i.ID.Interface] {
				continue
			}
			for _, f := range i.AllFuncs() {
				l := e.NewLinker(nil)
				if err := wasi.AddP2(l, wasi.Config{}); err != nil {
					t.Fatal(err)
				}
				l.Instance(i.ID).Func(f.Name, &cm.FuncType{}, nil)
				if _, err := l.Link(t.Context(), empty); err == nil || !strings.Contains(err.Error(), "twice") {
					t.Errorf("%s#%s is not defined (%v)", i.ID, f.Name, err)
				}
				n++
			}
		}
	}
	if n < 120 {
		t.Errorf("only %d functions seen", n)
	}
	t.Log(n, "functions")
}

func TestConfigThatCannotWork(t *testing.T) {
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	for name, c := range map[string]struct {
		cfg  wasi.Config
		want string
	}{
		"a folder that is not there": {preopen(filepath.Join(t.TempDir(), "nope")), "nope"},
		"a grant that is none":       {wasi.Config{Sockets: grants("here")}, `"here": want host:port`},
	} {
		if err := wasi.AddP2(e.NewLinker(nil), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
