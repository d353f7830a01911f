package bindgen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

// inside type-checks bindings for code inside a component, both with the functions of a host and with what stands for them elsewhere.
func inside(files map[string][]byte) error {
	for _, without := range []string{"host_other.gen.go", "host_wasip1.gen.go"} {
		some := map[string][]byte{}
		for name, src := range files {
			if strings.TrimPrefix(name, "x_") != without && name != without && strings.HasSuffix(name, ".go") {
				some[name] = src
			}
		}
		if err := checks.check(some); err != nil {
			return fmt.Errorf("without %s: %w", without, err)
		}
	}
	return nil
}

// sdkFiles is a package that these bindings call, which is another module's.
func sdkFiles(path string) (map[string][]byte, error) {
	names, err := filepath.Glob(".." + strings.TrimPrefix(path, module) + "/*.go")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_wasip1.go") {
			continue
		}
		if files[name], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// notYet is in the errors about what has no binding inside components.
const notYet = "inside components have no"

// TestInsideComponents: the bindings of WASI 0.2, of 0.3 and of the plugins' interfaces are Go.
func TestInsideComponents(t *testing.T) {
	set := load(t, "../wasi/wit", "../plugin/keyvalue/wit", "../plugin/blobstore/wit", "../plugin/config/wit", "../plugin/logging/wit", "../plugin/otel/wit")
	for _, bind := range []string{"wasi:http/proxy@0.2.12", "wasi:cli/command@0.2.12", "wasi:sockets/imports@0.2.12", "wasi:keyvalue/imports@0.2.0-draft",
		"wasi:blobstore/imports@0.2.0-draft", "wasi:config/imports@0.2.0-rc.1", "wasi:logging/imports@0.1.0-draft", "wasi:otel/imports@0.2.0-rc.2",
		"wasi:http/service@0.3.0", "wasi:http/middleware@0.3.0", "wasi:cli/command@0.3.0", "wasi:sockets/imports@0.3.0", "wasi:filesystem/imports@0.3.0"} {
		t.Run(bind, func(t *testing.T) {
			files, err := Generate(set, Options{Bind: bind, Package: "p", Component: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := inside(files); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInsideAwkwardNames: names that meet each other, or what generated code calls its own, make Go here, too.
func TestInsideAwkwardNames(t *testing.T) {
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range awkward {
			if !yield(name) {
				return
			}
		}
	}) {
		t.Run(name, func(t *testing.T) {
			set := resolve(t, awkward[name])
			for _, bind := range everything(set) {
				files, err := Generate(set, Options{Bind: bind, Package: "p", Features: []string{"*"}, Component: true})
				if err != nil {
					if !strings.Contains(err.Error(), "no Go binding here") && !strings.Contains(err.Error(), notYet) {
						t.Errorf("%s: %v", bind, err)
					}
					continue
				}
				if err := inside(files); err != nil {
					t.Errorf("%s: %v", bind, err)
					for name, src := range files {
						t.Logf("%s\n%s", name, src)
					}
				}
			}
		})
	}
}

// TestInsideVariants: variants of many cases within one another, whose core values are read case by case, take no more Go than there is text.
func TestInsideVariants(t *testing.T) {
	for _, levels := range []int{2, 12} {
		var text strings.Builder
		text.WriteString("package a:b; interface variants { variant v0 { a(f32), b(u64) }\n")
		for n := 1; n <= levels; n++ {
			fmt.Fprintf(&text, "variant v%d { c0(v%d)", n, n-1)
			for i := range 20 {
				fmt.Fprintf(&text, ", c%d(v%d)", i+1, n-1)
			}
			text.WriteString(" }\n")
		}
		fmt.Fprintf(&text, "f: func(x: v%d) -> v%[1]d; } interface host-other { f: func(); } interface host-wasip1 { f: func(); }\n"+
			"world w { import variants; export variants; import host-other; import host-wasip1; }", levels)
		files, err := Generate(resolve(t, text.String()), Options{Bind: "a:b/w", Package: "p", Component: true})
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, src := range files {
			size += len(src)
		}
		if size > 64*text.Len()+1<<20 {
			t.Errorf("%d levels: %d bytes of Go of %d bytes of WIT", levels, size, text.Len())
		}
		if levels > 2 { // Go's own type checker goes into each field of each field
			continue
		}
		if err := inside(files); err != nil {
			t.Error(err)
		}
	}
}

// TestInsideLayouts compares sizes, alignments and core values with those that others' bindings of the same interfaces have.
func TestInsideLayouts(t *testing.T) {
	set := load(t, "../wasi/wit", "../plugin/otel/wit")
	find := func(iface, name string) *wit.Type {
		at, err := find(set, iface)
		if err != nil {
			t.Fatal(err)
		}
		return at.iface.Type(name)
	}
	g := newInsider(nil)
	for _, c := range []struct {
		iface, name string
		size, align uint32
		flat        int
	}{
		{"wasi:otel/tracing@0.2.0-rc.2", "span-data", 168, 8, 17},
		{"wasi:otel/tracing@0.2.0-rc.2", "span-context", 28, 4, 8},
		{"wasi:otel/tracing@0.2.0-rc.2", "status", 12, 4, 3},
		{"wasi:otel/logs@0.2.0-rc.2", "log-record", 200, 8, 17},
		{"wasi:otel/metrics@0.2.0-rc.2", "resource-metrics", 28, 4, 7},
		{"wasi:http/types@0.2.12", "error-code", 32, 8, 7},
		{"wasi:http/types@0.2.12", "method", 12, 4, 3},
		{"wasi:filesystem/types@0.2.12", "descriptor-stat", 96, 8, 12},
		{"wasi:sockets/network@0.2.12", "ip-socket-address", 32, 4, 12},
	} {
		typ := find(c.iface, c.name)
		size, align := g.layout(typ)
		if n := len(g.flatten(typ)); size != c.size || align != c.align || n != c.flat {
			t.Errorf("%s.%s: %d bytes aligned to %d, %d core values, want %d, %d, %d", c.iface, c.name, size, align, n, c.size, c.align, c.flat)
		}
	}
}

// TestCopiesOfWIT: the text that the SDK and its example bring along is the text here.
func TestCopiesOfWIT(t *testing.T) {
	const sdk, example = "../sdk/go/wit", "../examples/otel-go/wit/deps"
	for copied, of := range map[string]string{
		sdk + "/wasi-otel@0.2.0-rc.2": "../plugin/otel/wit", example + "/wasi-otel@0.2.0-rc.2": sdk + "/wasi-otel@0.2.0-rc.2",
		example + "/wasi-clocks@0.2.0": sdk + "/wasi-clocks@0.2.0", example + "/wasi-io@0.2.0": sdk + "/wasi-io@0.2.0",
		example + "/wasi-http@0.2.12": "../wasi/wit/wasi-http@0.2.12", example + "/wasi-io@0.2.12": "../wasi/wit/wasi-io@0.2.12",
		example + "/wasi-clocks@0.2.12": "../wasi/wit/wasi-clocks@0.2.12", example + "/wasi-keyvalue@0.2.0-draft": "../plugin/keyvalue/wit",
	} {
		names, err := filepath.Glob(copied + "/*.wit")
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, %v", copied, len(names), err)
		}
		for _, name := range names {
			got, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(of, filepath.Base(name)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what is in %s", name, of)
			}
		}
	}
}
