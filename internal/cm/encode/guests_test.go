package encode_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/encode"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
	"github.com/vitrine-wasm/vitrine/wit"
)

// worlds are the guests whose names alone do not say what they mean.
var worlds = map[string]string{
	"go126-greet-p2":    "lab:greet/greet",
	"rust-spin-mqtt-p2": "spin:mqtt-trigger/spin-mqtt",
}

// extra is WIT that only some guests name, because several packages have its name.
var extra = map[string][]string{
	"rust-spin-redis-p2": {"plugin/redis/wit/spin2"},
	"rust-spin-redis-p3": {"plugin/redis/wit/spin3", "plugin/mqtt/wit/spin3"},
	"rust-spin-pg-p2":    {"plugin/postgres/wit/spin2", "plugin/postgres/wit/spin3", "plugin/postgres/wit/spin4"},
	"rust-wasmcloud-p3":  {"plugin/blobstore/bindings/wasmcloud/wit"},
}

// notReencoded are guests that are no component around one module, or not one that tools have named.
var notReencoded = map[string]string{
	"composed-c-shout": "composed", "feed-composed-p3": "composed", "mw-upper-composed-p3": "composed", "mw1-composed-p3": "composed",
	"mw2-composed-p3": "composed", "otel-example-composed-p3": "composed", "otel-main-p2-composed": "composed", "otel-main-p3-composed": "composed",
	"otel-p2-composed": "composed", "otel-p3-composed": "composed", "shop-composed": "composed",
	"js-qjs-hello-http-p3": "several modules", "js-qjs-http-p2": "several modules", "otel-example-ts": "several modules",
	"rust-spin-p2": "one package in several folders", "rust-spin-brokers-p2": "one package in several folders",
	"wat-async-builtins": "names of its own", "wat-table-grow": "names of its own",
}

// guestWIT is the WIT that the guests' modules name: WASI, what our plugins serve, and the guests' own.
func guestWIT(t *testing.T, name string) *wit.Set {
	t.Helper()
	paths := []string{"testdata/guests/src/wit/wasi-otel@0.2.0-rc.2"}
	if strings.HasPrefix(name, "rust-otel-main") {
		paths[0] = "testdata/guests/src/wit/wasi-otel@0.2.0-rc.2-main"
	}
	for _, plugin := range []string{
		"config/wit", "config/bindings/draft/wit", "keyvalue/wit", "keyvalue/bindings/draft2/wit", "keyvalue/bindings/wasmcloud/wit", "blobstore/wit",
		"logging/wit", "secrets/wit", "messaging/wit/0.2", "messaging/wit/0.3", "mqtt/wit/trigger", "redis/wit/trigger", "postgres/wit/wasmcloud",
	} {
		paths = append(paths, "plugin/"+plugin)
	}
	for _, dir := range []string{"rust/wit", "go/hello/wit", "c/consumer/world.wit"} {
		paths = append(paths, "testdata/guests/src/"+dir)
	}
	paths = append(paths, extra[name]...)
	for i, p := range paths {
		paths[i] = filepath.Join(testref.Root(), filepath.FromSlash(p))
	}
	set, err := wit.LoadBeside(wasiwit.Files, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// module is the module that the tools have made a guest of.
func module(t *testing.T, wasm []byte) []byte {
	t.Helper()
	c, err := binary.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Defs {
		if m, ok := d.(*binary.CoreModule); ok {
			return m.Bytes
		}
	}
	t.Fatal("no module")
	return nil
}

// reencode makes a component of a guest's module again.
func reencode(t *testing.T, name string) []byte {
	t.Helper()
	o := encode.Options{Set: guestWIT(t, name)}
	if w := worlds[name]; w != "" {
		id, err := wit.ParseID(w)
		if err != nil {
			t.Fatal(err)
		}
		if o.World = o.Set.World(id); o.World == nil {
			t.Fatalf("no world %s", w)
		}
	}
	out, err := encode.Component(module(t, testref.Guest(t, name)), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReencode makes a component of the module of every prebuilt guest: it is valid, and imports and exports what the guest does. It writes all guests
// to the folder that VITRINE_REENCODED names, those that are not made anew as they are: make reencoded.
func TestReencode(t *testing.T) {
	folder := os.Getenv("VITRINE_REENCODED")
	write := func(t *testing.T, name string, wasm []byte) {
		t.Helper()
		if folder == "" {
			return
		}
		if err := os.WriteFile(filepath.Join(folder, name+".component.wasm"), wasm, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range testref.Guests(t) {
		t.Run(name, func(t *testing.T) {
			if why := notReencoded[name]; why != "" {
				t.Log(why)
				write(t, name, testref.Guest(t, name))
				return
			}
			out := reencode(t, name)
			write(t, name, out)
			c, err := binary.Decode(out)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Component(c, validate.Options{}); err != nil {
				t.Fatal(err)
			}
			had, err := binary.Decode(testref.Guest(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := surface(c), surface(had); !slices.Equal(got, want) {
				t.Errorf("it has\n%s\nand the guest\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

var (
	wasiPatch = regexp.MustCompile(`^(wasi:[a-z]+/[a-z-]+@0\.[23])\.[0-9]+$`)
	// adapted are the interfaces that an adapter may import, ours others than theirs.
	adapted = regexp.MustCompile(`^wasi:(cli/(environment|exit|std.*|terminal-.*)|clocks/.*|io/.*|filesystem/.*|random/random)@0\.2$`)
)

// surface is what a component imports and exports, without patch versions of WASI, and without what an adapter imports.
func surface(c *binary.Component) (all []string) {
	for _, d := range c.Defs {
		switch d := d.(type) {
		case *binary.Import:
			if name := wasiPatch.ReplaceAllString(d.Name.Name, "$1"); !adapted.MatchString(name) {
				all = append(all, "import "+name)
			}
		case *binary.Export:
			all = append(all, "export "+wasiPatch.ReplaceAllString(d.Name.Name, "$1"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
