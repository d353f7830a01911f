package wasi_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestLinkErrorNamesTheCall: for each imported interface of WASI that is not defined, the link error names the call that
// defines it, and that call does.
func TestLinkErrorNamesTheCall(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	wasm, err := os.ReadFile("../testdata/surface/surface.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "all", wasm)
	if err != nil {
		t.Fatal(err)
	}
	base := func(l *component.Linker) {
		if err := wasi.Add(l, wasi.Config{}); err != nil {
			t.Fatal(err)
		}
	}
	http := func(l *component.Linker) { httpp2.Add(l, wasihttp.NewClient(wasihttp.ClientConfig{})) }
	for _, each := range []struct {
		call    string
		adds    func(*component.Linker)
		without []func(*component.Linker) // definitions without the call
	}{
		{"wasi.Add(", base, []func(*component.Linker){http}},
		{"httpp2.Add(", http, []func(*component.Linker){base}},
	} {
		alone := engine.NewLinker(nil)
		each.adds(alone)
		var defined []string
		for _, d := range alone.Definitions() {
			name, _, _ := strings.Cut(d, "#")
			if id, err := wit.ParseID(name); err == nil && name != d {
				defined = append(defined, id.Unversioned().String())
			}
		}
		linker := engine.NewLinker(nil)
		for _, add := range each.without {
			add(linker)
		}
		_, err := linker.Link(t.Context(), c)
		link, ok := component.IsLinkError(err)
		if !ok {
			t.Fatalf("without %s: %v", each.call, err)
		}
		seen := 0
		for _, p := range link.Problems {
			id, err := wit.ParseID(p.Import)
			if err != nil {
				continue
			}
			if !slices.Contains(defined, id.Unversioned().String()) {
				continue
			}
			seen++
			if !strings.HasPrefix(p.Add, each.call) || !strings.Contains(p.String(), p.Add) || !strings.Contains(p.AddFrom, "/wasi") {
				t.Errorf("%s: names %q", p, p.Add)
			}
		}
		if seen == 0 {
			t.Errorf("no import misses %s: %v", each.call, err)
		}
	}
}
