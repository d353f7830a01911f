package bindgen

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// houseWIT are the folders of this module's own WIT text.
var houseWIT = []string{"wasi/wit", "plugin/logging/wit", "plugin/config/wit", "plugin/keyvalue/wit", "plugin/blobstore/wit"}

// House lists the bindings of this module. Paths are below the module's root.
var House = []Binding{
	p2("io").lent("[method]output-stream.write", "[method]output-stream.blocking-write-and-flush").
		children("[method]input-stream.subscribe", "[method]output-stream.subscribe"),
	p2("clocks", "clocks-timezone"), p2("random"), p2("cli"), p2("filesystem"), p2("sockets", "network-error-code"),
	p2("http", "informational-outbound-responses").
		children("[method]incoming-request.headers", "[method]outgoing-request.headers", "[method]incoming-response.headers",
			"[method]outgoing-response.headers", "[method]incoming-body.stream", "[method]future-trailers.get", "[method]outgoing-body.write"),
	{WIT: "wasi:logging@0.1.0-draft", Path: module + "/plugin/logging/bindings", Name: "bindings"},
	{WIT: "wasi:config@0.2.0-rc.1", Path: module + "/plugin/config/bindings", Name: "bindings"},
	{WIT: "wasi:keyvalue@0.2.0-draft", Path: module + "/plugin/keyvalue/bindings", Name: "bindings"},
	Binding{WIT: "wasi:blobstore@0.2.0-draft", Path: module + "/plugin/blobstore/bindings", Name: "bindings"}.
		children("[method]outgoing-value.outgoing-value-write-body"),
}

// p2 is the binding of a package of WASI 0.2, with those of its unstable features that the host serves.
func p2(name string, features ...string) Binding {
	return Binding{WIT: "wasi:" + name + "@0.2.12", Path: module + "/wasi/" + name + "/p2", Name: name + "p2", Features: features}
}

// lent is b with functions that keep no bytes.
func (b Binding) lent(funcs ...string) Binding {
	b.Lent = named(funcs)
	return b
}

// children is b with methods that give children, which is what the text of WIT calls them: TestChildren compares.
func (b Binding) children(funcs ...string) Binding {
	b.Children = named(funcs)
	return b
}

func named(names []string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Dir is the binding's folder below the module's root, with slashes.
func (b *Binding) Dir() string { return strings.TrimPrefix(b.Path, module+"/") }

// HouseWIT lists the folders of this module's own WIT text; root is the module's root folder.
func HouseWIT(root string) []string {
	var dirs []string
	for _, d := range houseWIT {
		dirs = append(dirs, filepath.Join(root, d))
	}
	return dirs
}

// LoadHouse reads this module's own WIT text.
func LoadHouse(root string) (*wit.Set, error) { return wit.Load(HouseWIT(root)...) }

// GenerateHouse makes the files of all bindings of this module, by their path below root, with slashes.
func GenerateHouse(root string) (map[string][]byte, error) {
	set, err := LoadHouse(root)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, b := range House {
		files, err := Generate(set, b, House)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.WIT, err)
		}
		for name, src := range files {
			all[b.Dir()+"/"+name] = src
		}
	}
	return all, nil
}

// Write makes dir hold these generated files and no other generated ones.
func Write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.gen.go"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if files[filepath.Base(f)] == nil {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Drift compares the checked-in bindings of this module with what the generator makes now, and lists what differs.
func Drift(root string) ([]string, error) {
	want, err := GenerateHouse(root)
	if err != nil {
		return nil, err
	}
	var drift []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		had, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		switch {
		case err != nil:
			drift = append(drift, name+": missing")
		case !bytes.Equal(had, want[name]):
			drift = append(drift, name+": differs")
		}
	}
	for _, b := range House {
		entries, err := fs.ReadDir(os.DirFS(root), b.Dir())
		if err != nil {
			continue
		}
		for _, e := range entries {
			if name := b.Dir() + "/" + e.Name(); strings.HasSuffix(name, ".gen.go") && want[name] == nil {
				drift = append(drift, name+": left over")
			}
		}
	}
	return drift, nil
}
