package component_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

const preamble = "\x00asm\x0d\x00\x01\x00"

// section is a section of a binary, of less than 16 KiB.
func section(id byte, content string) string {
	n := len(content)
	return string([]byte{id, byte(n&0x7f | 0x80), byte(n >> 7)}) + content
}

// coreModule is a component with one core module of these sections in it; its first section is at offset 19.
func coreModule(sections string) string {
	return preamble + section(1, "\x00asm\x01\x00\x00\x00"+sections)
}

// nested is n components, each in the one before.
func nested(n int) string {
	c := preamble
	for range n {
		c = preamble + section(4, c)
	}
	return c
}

// TestLoadError: whatever Load refuses is a *LoadError with its kind and its place in the file.
func TestLoadError(t *testing.T) {
	e := engine(t)
	for _, c := range []struct {
		name, wasm string
		kind       component.LoadErrorKind
		offset     int
		section    string
		feature    string
	}{
		{name: "nothing", kind: component.LoadEmpty},
		{name: "text", wasm: "(component)", kind: component.LoadText},
		{name: "another format", wasm: "\x7fELF\x02\x01\x01\x00", kind: component.LoadNotWasm},
		{name: "core module", wasm: "\x00asm\x01\x00\x00\x00", kind: component.LoadCoreModule, offset: 4},
		{name: "another version", wasm: "\x00asm\x0e\x00\x01\x00", kind: component.LoadUnknownVersion, offset: 4},
		{name: "another layer", wasm: "\x00asm\x0d\x00\x05\x00", kind: component.LoadUnknownVersion, offset: 6},
		{name: "half a preamble", wasm: "\x00asm\x0d", kind: component.LoadTruncated, offset: 5},
		{name: "unknown section", wasm: preamble + "\x3f\x00", kind: component.LoadMalformed, offset: 8},
		{name: "unknown type", wasm: preamble + section(7, "\x01\x00"), kind: component.LoadMalformed, offset: 12, section: "7 (type)"},
		{name: "a function that there is not", wasm: preamble + section(8, "\x01\x01\x00\x05\x00"), kind: component.LoadInvalid, offset: 12},
		{name: "a feature whose encoding is open", wasm: preamble + section(8, "\x01\x42"), kind: component.LoadUnsupported, offset: 12, section: "8 (canon)",
			feature: "shared-everything-threads"},
		{name: "a feature that is gated", wasm: preamble + section(7, "\x01\x64"), kind: component.LoadUnsupported, offset: 12, feature: "error-context"},
		{name: "nested too deep", wasm: nested(101), kind: component.LoadTooLarge, offset: -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := e.Load(t.Context(), "cart", []byte(c.wasm))
			var load *component.LoadError
			if !errors.As(fmt.Errorf("outer: %w", err), &load) {
				t.Fatalf("%T %v: no LoadError", err, err)
			}
			if load.Component != "cart" || load.Kind != c.kind || load.Feature != c.feature || load.Section != c.section && c.offset >= 0 {
				t.Errorf("%+v", load)
			}
			if load.Offset != c.offset && c.offset >= 0 {
				t.Errorf("offset %d, want %d: %v", load.Offset, c.offset, err)
			}
			if !strings.HasPrefix(err.Error(), "cart: ") {
				t.Errorf("%v", err)
			}
			var limit *cm.LimitError
			if errors.As(err, &limit) != (c.kind == component.LoadTooLarge) {
				t.Errorf("limit %v of %s", limit, c.kind)
			}
		})
	}
	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		cancel(why)
		if _, err := e.Load(ctx, "cart", []byte(preamble)); !errors.Is(err, why) || errors.As(err, new(*component.LoadError)) {
			t.Errorf("%v", err)
		}
	})
}

// TestCodeError: what ValidateCode refuses of a core module has its place in the component's file.
func TestCodeError(t *testing.T) {
	const oneFunc = "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" // one type, one function of it
	e := engine(t)
	for _, c := range []struct {
		name, code string
		kind       component.LoadErrorKind
		within     bool // Offset is inside the module and not at its beginning
	}{
		{"a body that leaves a value", "\x0a\x06\x01\x04\x00\x41\x00\x0b", component.LoadInvalid, false},
		{"a body of a feature that is not run", "\x0a\x05\x01\x03\x00\x14\x00", component.LoadUnsupported, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			loaded, err := e.Load(t.Context(), "cart", []byte(coreModule(oneFunc+c.code)))
			if err != nil {
				t.Fatal(err)
			}
			err = e.ValidateCode(t.Context(), loaded)
			var load *component.LoadError
			if !errors.As(err, &load) || load.Kind != c.kind || load.Component != "cart" || load.Offset < 11 || (load.Offset > 11) != c.within ||
				(load.Feature != "") != (c.kind == component.LoadUnsupported) {
				t.Errorf("%v: %+v", err, load)
			}
			// Link refuses it in the same words, where the module is instantiated, and where it is one of several components'.
			wasm := []byte(coreModule(oneFunc+c.code) + section(2, "\x01\x00\x00\x00"))
			within := []byte(preamble + section(4, string(wasm)) + section(5, "\x01\x00\x00\x00"))
			for _, wasm := range [][]byte{wasm, within} {
				if loaded, err = e.Load(t.Context(), "cart", wasm); err != nil {
					t.Fatal(err)
				}
				_, err = e.NewLinker(nil).Link(t.Context(), loaded)
				var link *component.LoadError
				if !errors.As(err, &link) {
					t.Fatalf("link: %v", err)
				}
				if at := strings.Index(string(wasm), "\x00asm\x01\x00\x00\x00") - 11; link.Kind != load.Kind || link.Feature != load.Feature ||
					link.Offset != load.Offset+at || !strings.HasPrefix(link.Component, "cart") || !strings.HasPrefix(err.Error(), link.Component+": core module 0 ") {
					t.Errorf("link: %v: %+v", err, link)
				}
			}
		})
	}
}

// TestLinkEnds: what ends a link but the code is no LoadError.
func TestLinkEnds(t *testing.T) {
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.Load(t.Context(), "cart", []byte(coreModule("")+section(2, "\x01\x00\x00\x00")))
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var load *component.LoadError
	if _, err := e.NewLinker(nil).Link(over, loaded); !errors.Is(err, context.Canceled) || errors.As(err, &load) {
		t.Errorf("a context that has ended: %v", err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.NewLinker(nil).Link(t.Context(), loaded); err == nil || errors.As(err, &load) {
		t.Errorf("an engine that is closed: %v", err)
	}
}
