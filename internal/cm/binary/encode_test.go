package binary_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestEncodePrebuilt writes every prebuilt component, and reads the same definitions again.
func TestEncodePrebuilt(t *testing.T) {
	for _, name := range testref.Guests(t) {
		t.Run(name, func(t *testing.T) { checkEncode(t, testref.Guest(t, name)) })
	}
}

func checkEncode(t *testing.T, wasm []byte) {
	t.Helper()
	c, err := binary.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	out, err := binary.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := binary.Decode(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*binary.Component{c, again} {
		unplaced(reflect.ValueOf(c))
	}
	if !reflect.DeepEqual(c.Defs, again.Defs) {
		for i := range min(len(c.Defs), len(again.Defs)) {
			if !reflect.DeepEqual(c.Defs[i], again.Defs[i]) {
				t.Fatalf("definition %d is\n%+v\nand was\n%+v", i, again.Defs[i], c.Defs[i])
			}
		}
		t.Fatalf("%d definitions, %d before", len(again.Defs), len(c.Defs))
	}
}

// unplaced removes all positions, and what custom sections hold.
func unplaced(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			unplaced(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				unplaced(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Field(i); v.Type().Field(i).Name {
			case "Pos", "Size":
				f.SetZero()
			case "Customs", "Names":
				f.SetZero()
			default:
				unplaced(f)
			}
		}
	}
}

// TestEncodeRefuses: what the format has no form for is an error, not a file of another meaning.
func TestEncodeRefuses(t *testing.T) {
	for name, d := range map[string]binary.Def{
		"asynchronous destructor": &binary.TypeDef{Resource: &binary.ResourceDef{Rep: 0x7f, Dtor: 0, Async: true, Callback: -1}},
		"value type":              &binary.TypeDef{Val: &binary.ValDef{Kind: 200}},
		"alias":                   &binary.Alias{Kind: 200, Sort: binary.SortType},
		"sort of a core export":   &binary.CoreInstance{Module: -1, Exports: []binary.CoreInlineExport{{Name: "f", SortIndex: binary.SortIndex{Sort: binary.SortFunc}}}},
		"declaration":             &binary.CoreType{Module: &binary.CoreModuleType{Decls: []binary.CoreModuleDecl{{}}}},
	} {
		if out, err := binary.Encode(&binary.Component{Defs: []binary.Def{d}}); err == nil {
			t.Errorf("%s: %x", name, out)
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, name := range []string{"rust-cart", "shop-composed", "wat-async-builtins", "c-strings"} {
		f.Add(testref.Guest(f, name))
	}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		c, err := binary.Decode(wasm)
		if err != nil {
			return
		}
		out, err := binary.Encode(c)
		if err != nil {
			return
		}
		if again, err := binary.Decode(out); err != nil {
			t.Fatal(err)
		} else if twice, err := binary.Encode(again); err != nil || !bytes.Equal(out, twice) {
			t.Fatalf("written twice it differs (%v)", err)
		}
	})
}
