package wasi_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestSurface compares the defined functions and resources with WASI's WIT text, both ways: all imports of every interface,
// including those behind features.
func TestSurface(t *testing.T) {
	l := engine(t).NewLinker(nil)
	if err := wasi.Add(l, wasi.Config{}); err != nil {
		t.Fatal(err)
	}
	client := wasihttp.NewClient(wasihttp.ClientConfig{})
	defer client.Close()
	httpp2.Add(l, client)
	httpp3.Add(l, client)
	for _, v := range surfaces {
		defined := slices.DeleteFunc(l.Definitions(), func(name string) bool { return !strings.Contains(name, "@"+v.version) })
		t.Run("checked in "+v.version, func(t *testing.T) {
			v.compare(t, defined, "wit")
		})
		t.Run("reference "+v.version, func(t *testing.T) {
			v.compare(t, defined, testref.WIT(t))
		})
		t.Run("called "+v.version, func(t *testing.T) { v.called(t, l, defined) })
	}
}

// called compares what the component imports that calls everything with what is defined. Types are checked when it is linked.
func (v surfaceOf) called(t *testing.T, l *component.Linker, defined []string) {
	linked, err := l.Link(t.Context(), loadSurface(t, v.of))
	if err != nil {
		t.Fatal(err)
	}
	var called []string
	for _, b := range linked.Boundaries() {
		if b.Kind == cm.GuestToHost {
			called = append(called, b.Name())
		}
	}
	slices.Sort(called)
	registered := slices.DeleteFunc(slices.Clone(defined), func(name string) bool { return !strings.Contains(name, "#") })
	if !slices.Equal(called, registered) {
		t.Errorf("%s imports\n%s\nregistered is\n%s", v.of.File, strings.Join(called, "\n"), strings.Join(registered, "\n"))
	}
	if err := linked.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// surfaceOf is how much there is of a version.
type surfaceOf struct {
	of                                         *surface.Surface
	version                                    string
	exported                                   []string // interfaces that components export instead of import
	packages, interfaces, functions, resources int
}

var surfaces = []surfaceOf{
	{surface.P2, "0.2.12", surface.P2.Exported, 7, 32, 181, 25},
	{surface.P3, "0.3.0", surface.P3.Exported, 6, 26, 130, 9},
}

func (v surfaceOf) compare(t *testing.T, got []string, dir string) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(dir, "wasi-*@"+v.version))
	if err != nil || len(dirs) != v.packages {
		t.Fatalf("want %d packages, got %q, %v", v.packages, dirs, err)
	}
	set, err := wit.Load(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	interfaces, functions, resources := 0, 0, 0
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			interfaces++
			functions += len(i.AllFuncs())
			if slices.Contains(v.exported, i.ID.String()) {
				continue
			}
			for _, f := range i.AllFuncs() {
				want = append(want, i.ID.String()+"#"+f.Name)
			}
			for _, typ := range i.Types {
				if typ.Resolve().Kind == wit.Resource { // one that is used from another interface is defined there only
					name := i.ID.String() + "." + typ.Name
					if typ.Kind == wit.Resource {
						resources++
						want = append(want, name)
					} else if slices.Contains(got, name) {
						want = append(want, name)
					}
				}
			}
		}
	}
	slices.Sort(want)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not registered", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is registered, and not in the WIT", name)
		}
	}
	if interfaces != v.interfaces || functions != v.functions || resources != v.resources {
		t.Errorf("%d interfaces, %d functions, %d resources; want %d, %d, %d", interfaces, functions, resources, v.interfaces, v.functions, v.resources)
	}
}

// TestSurfaceIsCurrent: testdata/surface is the output of tests/surface.
func TestSurfaceIsCurrent(t *testing.T) {
	for _, s := range surface.All {
		text, err := s.Text("..")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(s.File))); err != nil || string(b) != text {
			t.Errorf("%s is stale (%v): go generate ./tests/surface writes it, wasm-tools parse makes the .wasm of it", s.File, err)
		}
	}
}

func TestInvalidConfig(t *testing.T) {
	e := engine(t)
	for name, c := range map[string]struct {
		cfg  wasi.Config
		want string
	}{
		"a folder that is not there": {preopen(filepath.Join(t.TempDir(), "nope")), "nope"},
		"a grant that is none":       {wasi.Config{Sockets: grants("here")}, `"here": want host:port`},
	} {
		if err := wasi.Add(e.NewLinker(nil), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReleaseCandidate: the signatures of the release candidate are those of 0.3.0, so that one can stand for the other.
func TestReleaseCandidate(t *testing.T) {
	signatures := func(version string) []string {
		dirs, err := filepath.Glob(filepath.Join(testref.WIT(t), "wasi-*@"+version))
		if err != nil || len(dirs) != 6 {
			t.Fatalf("want 6 packages, got %q, %v", dirs, err)
		}
		set, err := wit.Load(dirs...)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, p := range set.Packages {
			p.EachDocs(func(_ string, d *string) { *d = "" })
			for l := range strings.Lines(strings.ReplaceAll(p.Print(), version, "0.3.0")) {
				if l = strings.TrimSpace(l); !strings.HasPrefix(l, "@since") && !strings.HasPrefix(l, "@unstable") {
					all = append(all, l)
				}
			}
		}
		return all
	}
	if got, want := signatures(wasi.ReleaseCandidate3), signatures("0.3.0"); !slices.Equal(got, want) {
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("line %d is %q, want %q", i, got[min(i, len(got)-1)], want[i])
			}
		}
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}
