package encode_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/encode"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
	"github.com/vitrine-wasm/vitrine/wit"
)

// FuzzComponent: whatever the module, what comes out is an error or a valid component.
func FuzzComponent(f *testing.F) {
	set, err := wit.LoadFS(wasiwit.Files, ".")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"c-http-p3", "rust-cart"} {
		c, err := binary.Decode(testref.Guest(f, name))
		if err != nil {
			f.Fatal(err)
		}
		for _, d := range c.Defs {
			if m, ok := d.(*binary.CoreModule); ok {
				f.Add(outside(m.Bytes))
				break
			}
		}
	}
	// A program of WASI 0.1: (import "wasi_snapshot_preview1" "sched_yield"), a memory and _start.
	f.Add(program("sched_yield", "\x01\x7f"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		out, err := encode.Component(wasm, encode.Options{Set: set})
		if err != nil {
			return
		}
		c, err := binary.Decode(out)
		if err == nil {
			err = validate.Component(c, validate.Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// outside is a module without its code and data, which the encoder does not read: mutations then meet what it does.
func outside(module []byte) []byte {
	out := append([]byte{}, module[:8]...)
	for pos := 8; pos < len(module); {
		size, end, shift := 0, pos+1, 0
		for {
			b := module[end]
			size |= int(b&0x7f) << shift
			end, shift = end+1, shift+7
			if b&0x80 == 0 {
				break
			}
		}
		end += size
		if id := module[pos]; id >= 1 && id <= 7 {
			out = append(out, module[pos:end]...)
		}
		pos = end
	}
	return out
}

// TestWrongTypes: functions of other types than the WIT says are an error, and the WASI 0.1 program of the fuzz target is a component.
func TestWrongTypes(t *testing.T) {
	set, err := wit.LoadFS(wasiwit.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := encode.Component(program("sched_yield", "\x01\x7f"), encode.Options{Set: set}); err != nil {
		t.Error(err)
	}
	if _, err := encode.Component(program("sched_yield", "\x00"), encode.Options{Set: set}); err == nil {
		t.Error("sched_yield without a result")
	}
	if _, err := encode.Component(program("run", "\x01\x7f"), encode.Options{Set: set}); err == nil || !strings.Contains(err.Error(), "no function of WASI 0.1") {
		t.Errorf("the adapter's own function: %v", err)
	}
}

// program is a program of WASI 0.1 that imports a function without parameters.
func program(imported, result string) []byte {
	section := func(id byte, content string) string { return string([]byte{id, byte(len(content))}) + content }
	text := func(s string) string { return string([]byte{byte(len(s))}) + s }
	return []byte("\x00asm\x01\x00\x00\x00" + section(1, "\x02\x60\x00"+result+"\x60\x00\x00") +
		section(2, "\x01"+text("wasi_snapshot_preview1")+text(imported)+"\x00\x00") + section(3, "\x01\x01") + section(5, "\x01\x00\x01") +
		section(7, "\x02"+text("memory")+"\x02\x00"+text("_start")+"\x00\x01") + section(10, "\x01\x02\x00\x0b"))
}

// TestRunVersions: the adapter has wasi:cli/run 0.2, and is not taken for that of another version.
func TestRunVersions(t *testing.T) {
	for version, want := range map[string]string{"0.2.12": "", "0.3.0": "exports wasi:cli/run@0.3.0, and the module does not"} {
		file := filepath.Join(t.TempDir(), "world.wit")
		if err := os.WriteFile(file, []byte("package a:b;\nworld w { export wasi:cli/run@"+version+"; }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := wit.LoadBeside(wasiwit.Files, file)
		if err != nil {
			t.Fatal(err)
		}
		world := set.World(wit.InterfaceID{Namespace: "a", Package: "b", Interface: "w"})
		_, err = encode.Component(program("sched_yield", "\x01\x7f"), encode.Options{Set: set, World: world})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", version, err)
		}
	}
}

// TestOutsideOfWorld: what a module exports and its world does not is an error that names it, and so is the reverse.
func TestOutsideOfWorld(t *testing.T) {
	section := func(id byte, content string) string { return string([]byte{id, byte(len(content))}) + content }
	exporting := func(names ...string) []byte { // functions that return an i32
		exports, funcs, code := "", "", ""
		for i, name := range names {
			exports += string([]byte{byte(len(name))}) + name + "\x00" + string([]byte{byte(i)})
			funcs, code = funcs+"\x00", code+"\x04\x00\x41\x00\x0b"
		}
		n := string([]byte{byte(len(names))})
		return []byte("\x00asm\x01\x00\x00\x00" + section(1, "\x01\x60\x00\x01\x7f") + section(3, n+funcs) + section(7, n+exports) + section(10, n+code))
	}
	file := filepath.Join(t.TempDir(), "world.wit")
	if err := os.WriteFile(file, []byte("package a:b;\ninterface one { f: func() -> u32; }\ninterface two { f: func() -> u32; }\nworld w { export two; export one; }\nworld v { export one; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := wit.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		world string
		names []string
		want  string
	}{
		{"w", []string{"a:b/one#f", "a:b/two#f"}, ""},
		{"v", []string{"a:b/one#f"}, ""},
		{"v", []string{"a:b/one#f", "cabi_other"}, ""},
		{"v", []string{"a:b/two#f", "a:b/one#f"}, "the module exports a:b/two, and the world a:b/v does not"},
		{"v", []string{"a:c/three#f", "a:b/one#f"}, "the module exports a:c/three, and the world a:b/v does not"},
		{"w", []string{"a:b/one#f"}, "the world a:b/w exports a:b/two, and the module does not"},
	} {
		component, err := encode.Component(exporting(c.names...), encode.Options{Set: set, World: set.World(wit.InterfaceID{Namespace: "a", Package: "b", Interface: c.world})})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s of %v: %v", c.world, c.names, err)
		}
		if one, two := strings.LastIndex(string(component), "a:b/one"), strings.LastIndex(string(component), "a:b/two"); c.want == "" && c.world == "w" && two > one {
			t.Error("exports are not in the world's order")
		}
	}
}
