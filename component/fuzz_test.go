package component_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
)

// Marks of a component in the form that [framed] reads: sections begin and end with a mark instead of having a size, so
// that what a fuzzer changes inside one does not break those around it.
const (
	markLiteral = 0xfd // the next byte is no mark
	markEnd     = 0xfe
	markSection = 0xff // the section's id follows
)

// framed turns marks into sizes.
func framed(in []byte) []byte {
	type open struct {
		id  byte
		out []byte
	}
	stack := []open{{}}
	end := func() {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		top := &stack[len(stack)-1].out
		*top = append(binary.AppendUvarint(append(*top, s.id), uint64(len(s.out))), s.out...)
	}
	for len(in) > 0 {
		c := in[0]
		in = in[1:]
		switch {
		case c == markEnd && len(stack) > 1:
			end()
		case c == markSection && len(in) > 0:
			stack = append(stack, open{id: in[0]})
			in = in[1:]
		default:
			if c == markLiteral && len(in) > 0 {
				c, in = in[0], in[1:]
			}
			top := &stack[len(stack)-1].out
			*top = append(*top, c)
		}
	}
	for len(stack) > 1 {
		end()
	}
	return stack[0].out
}

// unframed puts marks in place of the sizes of a component's sections, and of those of the modules and components in it.
func unframed(wasm []byte) []byte {
	literal := func(out, b []byte) []byte {
		for _, c := range b {
			if c >= markLiteral {
				out = append(out, markLiteral)
			}
			out = append(out, c)
		}
		return out
	}
	if len(wasm) < 8 {
		return literal(nil, wasm)
	}
	component := wasm[6] == 1
	out := literal(nil, wasm[:8])
	for wasm = wasm[8:]; len(wasm) > 0; {
		id := wasm[0]
		size, n := binary.Uvarint(wasm[1:])
		if n <= 0 || size > uint64(len(wasm)-1-n) {
			return literal(out, wasm)
		}
		content := wasm[1+n:][:size]
		wasm = wasm[1+n+int(size):]
		out = append(out, markSection, id)
		if component && (id == 1 || id == 4) {
			out = append(out, unframed(content)...)
		} else {
			out = literal(out, content)
		}
		out = append(out, markEnd)
	}
	return out
}

// seeds are components of all rooms, none larger than a few kilobytes.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, pattern := range []string{"../testdata/*/*.wasm", "../host/testdata/*.wasm", "../cli/testdata/*.wasm",
		"../tests/wast/testdata/*/*.wasm", "../examples/embed/*.wasm"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
	}
	f, err := os.Open("../internal/cm/validate/testdata/rules.b64")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		_, data, _ := strings.Cut(sc.Text(), "\t")
		b, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func TestFramed(t *testing.T) {
	for _, b := range seeds(t) {
		if got := framed(unframed(b)); !bytes.Equal(got, b) && len(got) < len(b) {
			t.Errorf("%x became %x", b, got)
		}
	}
}

// most is what reading so many bytes may allocate in all: sections are counted before room is made, and the types that
// they stand for are bounded.
func most(n int) uint64 { return 4<<20 + 1024*uint64(n) }

// FuzzLoad says that a component, whatever its bytes, is refused with an error that says where, or can be planned and
// linked, or is refused by the linker; that none of this takes much memory; and that what can be linked runs, or traps.
func FuzzLoad(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(unframed(b), true)
		f.Add(b, false)
	}
	ctx := context.Background()
	e, err := component.NewEngine(ctx)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close(ctx) })
	f.Fuzz(func(t *testing.T, in []byte, marked bool) {
		if len(in) > 64<<10 {
			return
		}
		if marked {
			in = framed(in)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := e.Load(ctx, "fuzz", in)
		if err == nil {
			if _, err := c.Boundaries(); err != nil && !excused(err) {
				t.Fatalf("valid, and not to be planned: %v", err)
			}
			_, _ = c.Unsupported()
		} else if !errors.As(err, new(*cmbinary.Error)) && !errors.As(err, new(*validate.Error)) {
			t.Fatalf("load: %T %v", err, err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most(len(in)) {
			t.Fatalf("reading %d bytes took %d bytes", len(in), n)
		}
		if c != nil {
			run(t, e, c)
		}
	})
}

// excused says whether err is about what validation leaves to those who come after it: the code of core modules, and how
// many instances there may be.
func excused(err error) bool {
	return strings.Contains(err.Error(), "core module") || strings.Contains(err.Error(), "component instances")
}

// run links a component that has been loaded and runs it within limits that are small.
func run(t *testing.T, e *component.Engine, c *component.Component) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ours(t, e.ValidateCode(ctx, c))
	linked, err := e.NewLinker(nil).Link(ctx, c)
	ours(t, err)
	if err != nil {
		if _, ok := component.IsLinkError(err); !ok && !excused(err) {
			t.Fatalf("valid, and neither linked nor in want of an import: %v", err)
		}
		return
	}
	defer linked.Close(ctx)
	inst, err := linked.Instantiate(ctx, component.WithMemory(16<<20), component.WithTables(10_000), component.WithFuel(20_000),
		component.WithHandles(100), component.WithCallDepth(20))
	ours(t, err)
	if err != nil {
		return
	}
	for _, b := range linked.Boundaries() {
		f, err := inst.Func(b.Interface, b.Func)
		if b.Kind != cm.HostToGuest || err != nil {
			continue
		}
		if args, ok := arguments(f.Type()); ok {
			_, err := f.Call(ctx, args...)
			ours(t, err)
		}
	}
	ours(t, inst.Close(ctx))
}

// arguments makes some for types that have a simple one.
func arguments(ft *cm.FuncType) (args []cm.Val, ok bool) {
	for _, p := range ft.Params {
		switch p.Type.Kind {
		case cm.KindU32:
			args = append(args, cm.U32Val(7))
		case cm.KindString:
			args = append(args, cm.StringVal("text"))
		case cm.KindOption:
			args = append(args, cm.None())
		case cm.KindList:
			args = append(args, cm.ListVal(nil))
		default:
			return nil, false
		}
	}
	return args, true
}

// ours fails if err is a mistake of the runtime's.
func ours(t *testing.T, err error) {
	t.Helper()
	var trap *cm.Trap
	if errors.As(err, &trap) && trap.Code == cm.TrapBug {
		t.Fatalf("bug: %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "panic") {
		t.Fatalf("panic: %v", err)
	}
}
