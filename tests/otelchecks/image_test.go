package otelchecks

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
)

// base is where the guest of testdata has an image.
const base = 65536

// Operations of that guest.
const (
	opStart = iota + 1
	opEnd
	opOuter
	opCurrent
	opEmit
	opExport
	opWork
	opTrap
	opRepeat
	opSpin
	opBehind
)

// image is a program for the guest: memory from base on, with all arguments as the canonical ABI has them.
type image struct {
	mem []byte // addressed from 0
	ops []byte
}

func newImage() *image { return &image{mem: make([]byte, base+8)} }

// Bytes implements canon.Memory.
func (im *image) Bytes() []byte { return im.mem }

// alloc gives n bytes.
func (im *image) alloc(n int) uint32 {
	for len(im.mem)%8 != 0 {
		im.mem = append(im.mem, 0)
	}
	at := len(im.mem)
	im.mem = append(im.mem, make([]byte, n)...)
	return uint32(at)
}

func (im *image) text(s string) uint32 {
	at := im.alloc(len(s))
	copy(im.mem[at:], s)
	return at
}

func (im *image) op(code uint32, args ...uint32) *image {
	words := append([]uint32{code}, args...)
	for range 9 - len(words) {
		words = append(words, 0)
	}
	for _, w := range words {
		im.ops = binary.LittleEndian.AppendUint32(im.ops, w)
	}
	return im
}

// arg is an argument of the last operation.
func (im *image) arg(i int) uint32 { return binary.LittleEndian.Uint32(im.ops[len(im.ops)-32+4*i:]) }

func (im *image) setArg(i int, v uint32) *image {
	binary.LittleEndian.PutUint32(im.ops[len(im.ops)-32+4*i:], v)
	return im
}

// bytes is the image as it lies at base.
func (im *image) bytes() []byte {
	out := slices.Clone(im.mem)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	binary.LittleEndian.PutUint32(out[base:], uint32(len(out)-base))
	binary.LittleEndian.PutUint32(out[base+4:], uint32(len(im.ops)))
	return append(out, im.ops...)[base:]
}

// types are the functions' types by name.
var types = func() map[string]*cm.FuncType {
	out := map[string]*cm.FuncType{}
	for _, d := range slices.Concat(bindings.TracingFuncs(nil), bindings.LogsFuncs(nil), bindings.MetricsFuncs(nil)) {
		out[d.Name] = d.Type
	}
	return out
}()

// call lowers a call's argument.
func (im *image) call(code uint32, name string, arg cm.Val) *image {
	f, err := canon.Compile(types[name])
	if err != nil {
		panic(err)
	}
	cx := &canon.Context{Ctx: context.Background(), Memory: im, Realloc: func(_ context.Context, _, _, _, n uint32) (uint32, error) { return im.alloc(int(n)), nil }}
	stack := make([]uint64, max(f.StackLen(), 8))
	if err := f.LowerArgs(cx, []cm.Val{arg}, stack); err != nil {
		panic(err)
	}
	var args []uint32
	for _, w := range stack[:min(len(stack), 8)] {
		args = append(args, uint32(w))
	}
	if name == "export" {
		args[7] = im.alloc(12)
	}
	return im.op(code, args...)
}

func (im *image) start(c bindings.SpanContext) *image {
	return im.call(opStart, "on-start", bindings.LowerSpanContext(c))
}

func (im *image) end(s bindings.SpanData) *image {
	return im.call(opEnd, "on-end", bindings.LowerSpanData(s))
}

func (im *image) emit(r bindings.LogRecord) *image {
	return im.call(opEmit, "on-emit", bindings.LowerLogRecord(r))
}

// export exports metrics, and gives where the result is.
func (im *image) export(ms ...bindings.Metric) (at uint32) {
	return im.exportAll(bindings.ResourceMetrics{Resource: bindings.Resource{}, ScopeMetrics: []bindings.ScopeMetrics{{Scope: bindings.InstrumentationScope{Name: "sdk"}, Metrics: ms}}})
}

func (im *image) exportAll(m bindings.ResourceMetrics) (at uint32) {
	im.call(opExport, "export", bindings.LowerResourceMetrics(m))
	return binary.LittleEndian.Uint32(im.ops[len(im.ops)-4:])
}

// current asks for the current span's context, and gives where it is.
func (im *image) current() (at uint32) {
	uses.add("current")
	return im.ask(opCurrent)
}

func (im *image) outer() (at uint32) {
	uses.add("outer")
	return im.ask(opOuter)
}

// either asks whichever function the guest has, where both have the same answer.
func (im *image) either() (at uint32) {
	if strings.HasSuffix(guestName(), "-outer") {
		return im.ask(opOuter)
	}
	return im.ask(opCurrent)
}

func (im *image) ask(code uint32) uint32 {
	at := im.alloc(28)
	im.op(code, at)
	return at
}

func (im *image) work() *image { return im.op(opWork, 0) }

// repeat repeats what body adds, and writes the number of the turn in 8 digits at an address, if that is not 0.
func (im *image) repeat(times int, digits uint32, body func()) *image {
	im.op(opRepeat, uint32(times), 0, digits)
	from := len(im.ops)
	body()
	binary.LittleEndian.PutUint32(im.ops[from-28:], uint32(len(im.ops)-from))
	return im
}

// memory is the guest's, from base on, when it has done.
type memory struct{ b []byte }

func (m *memory) word(at uint32) uint32 { return binary.LittleEndian.Uint32(m.b[at-base:]) }

func (m *memory) str(at uint32) string {
	p, n := m.word(at), m.word(at+4)
	return string(m.b[p-base : p-base+n])
}

// context reads a span context.
func (m *memory) context(at uint32) bindings.SpanContext {
	c := bindings.SpanContext{TraceID: m.str(at), SpanID: m.str(at + 8), TraceFlags: bindings.TraceFlags(m.b[at+16-base]), IsRemote: m.b[at+17-base] != 0}
	p, n := m.word(at+20), m.word(at+24)
	for i := range n {
		c.TraceState = append(c.TraceState, cm.Tuple2[string, string]{F0: m.str(p + 16*i), F1: m.str(p + 16*i + 8)})
	}
	return c
}

// result reads what export gave: "" for ok.
func (m *memory) result(at uint32) string {
	if m.b[at-base] == 0 {
		return ""
	}
	return m.str(at + 4)
}

// Names of things in records.

// spanID is the identifier of the guest's span of a number.
func spanID(n int) string { return fmt.Sprintf("%016x", 0xa000+n) }

// ownTrace is a trace that the guest begins.
const ownTrace = "0123456789abcdef0123456789abcdef"

func contextOf(trace string, n int) bindings.SpanContext {
	return bindings.SpanContext{TraceID: trace, SpanID: spanID(n), TraceFlags: bindings.TraceFlagsSampled}
}

// spanOf is a span of the guest's, below another one of its; 0 is none.
func spanOf(trace string, n, parent int) bindings.SpanData {
	s := bindings.SpanData{SpanContext: contextOf(trace, n), Name: fmt.Sprint("s", n), SpanKind: bindings.SpanKindInternal, InstrumentationScope: bindings.InstrumentationScope{Name: "sdk"}}
	s.StartTime.Seconds, s.EndTime.Seconds = 1_700_000_000, 1_700_000_001
	if parent != 0 {
		s.ParentSpanID = spanID(parent)
	}
	return s
}
