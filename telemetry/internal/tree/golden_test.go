package tree

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

var update = flag.Bool("update", false, "write the golden files")

// sample makes a request of 310 spans: a call that waits, a loop of two calls, two calls side by side, a trap, lines.
func sample(p *Printer) {
	b := recorder(p, 1)
	root, endRoot := b.span(context.Background(), "GET /orders/:id", 0, attribute.Int("status", 500), attribute.String("path", "/orders/17"), attribute.String("query", "full=yes"))
	inv, endInv := b.span(root, "shop wasi:http/incoming-handler@0.2.12#handle", 0.2, attribute.Float64("g", 0.0042), attribute.Float64("h", 0.0015), attribute.Float64("w", 0.031))
	p.Line(trace.SpanContextFromContext(inv), at(0.3), "order 17: \x1b[31mloading\nitems")
	_, endOpen := b.span(inv, "wasi:keyvalue/store@0.2.0-draft#open", 0.4)
	endOpen(0.5)
	for i := range 150 {
		from := 1 + float64(i)*0.1
		_, endGet := b.span(inv, "wasi:keyvalue/store@0.2.0-draft#[method]bucket.get", from, attribute.Float64("w", 0.00002))
		get, endSet := b.span(inv, "price shop:price/price@0.1.0#quote", from+0.05)
		if i == 149 {
			_, endIn := b.span(get, "inner", from+0.06)
			endIn(from + 0.07)
		}
		endGet(from + 0.03 + float64(i%7)*0.002)
		endSet(from + 0.09)
	}
	_, endA := b.span(inv, "GET", 17, attribute.String("url", "http://stock.internal/items/17?warehouse=north&with=reservations"), attribute.Int("status", 200), attribute.Float64("w", 0.02))
	_, endB := b.span(inv, "GET", 17.1, attribute.String("url", "http://tax.internal/"), attribute.Int("status", 200))
	endB(21)
	endA(38)
	p.Line(trace.SpanContextFromContext(inv), at(38.5), "thread 'main' panicked at src/lib.rs:17:5")
	_, s := b.Start(inv, "render template", trace.WithTimestamp(at(38.2)))
	s.SetStatus(codes.Error, "")
	s.SetAttributes(attribute.String("error", "trap"), attribute.String("blame", "guest"))
	s.End(trace.WithTimestamp(at(39)))
	endInv(39.4)
	endRoot(40)
}

// counting makes the identifiers of spans of one trace: 1, 2, 3.
type counting struct {
	trace byte
	n     uint64
}

func (c *counting) NewIDs(ctx context.Context) (t trace.TraceID, _ trace.SpanID) {
	t[15] = c.trace
	return t, c.NewSpanID(ctx, t)
}

func (c *counting) NewSpanID(context.Context, trace.TraceID) (s trace.SpanID) {
	c.n++
	binary.BigEndian.PutUint64(s[:], c.n)
	return s
}

// plainRequest makes a request of a few spans: names in Chinese, an emoji, a combining mark, a tab, names that are longer than a narrow terminal.
func plainRequest(p *Printer) {
	b := recorder(p, 1)
	root, endRoot := b.span(context.Background(), "POST /warenkörbe/:id", 0, attribute.Int("status", 201), attribute.String("path", "/warenkörbe/商品目录"))
	inv, endInv := b.span(root, "cart wasi:http/incoming-handler@0.2.12#handle", 0.1, attribute.Float64("g", 0.0021), attribute.Float64("h", 0.0002))
	p.Line(trace.SpanContextFromContext(inv), at(0.2), "价格 loaded:\t12 🍐, cafe\u0301, and the remaining ones of the customer's list when it has been asked for")
	p.Line(trace.SpanContextFromContext(inv), at(0.3), "")
	_, endPrice := b.span(inv, "商品 shop:价格/报价@0.1.0#quote-for-customers-with-a-contract", 0.5)
	endPrice(1.5)
	_, endDraw := b.span(inv, "cafe\u0301\t🍐🍐 draw", 1.5)
	endDraw(2.5)
	endInv(2.9)
	endRoot(3)
}

// trapped makes a request that a trap ends in the third component, and says what the trap says.
func trapped(p *Printer) {
	b := recorder(p, 2)
	fail := []attribute.KeyValue{attribute.String("error", "trap.unreachable"), attribute.String("blame", "guest")}
	end := func(s trace.Span, ms float64) {
		s.SetStatus(codes.Error, "")
		s.End(trace.WithTimestamp(at(ms)))
	}
	open := func(ctx context.Context, name string, ms float64, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
		return b.Start(ctx, name, trace.WithTimestamp(at(ms)), trace.WithAttributes(append(attrs, fail...)...))
	}
	root, r := open(context.Background(), "GET /total", 0, attribute.Int("status", 500), attribute.String("path", "/total"), attribute.String("query", "items=40"))
	front, f := open(root, "shop wasi:http/incoming-handler@0.2.12#handle", 0.1, attribute.Float64("g", 0.0002), attribute.Float64("t", 0.0004))
	cart, c := open(front, "cart shop:cart/cart@0.1.0#total", 0.3, attribute.Float64("g", 0.0003), attribute.Float64("t", 0.0005))
	_, ok := b.span(cart, "price shop:price/price@0.1.0#quote", 0.4, attribute.Float64("g", 0.0001))
	ok(0.5)
	price, q := open(cart, "price shop:price/price@0.1.0#quote", 0.6, attribute.Float64("g", 0.0002))
	sc := trace.SpanContextFromContext(price)
	p.Line(sc, at(0.7), "thread '<unnamed>' panicked at price/src/lib.rs:17:28:")
	p.Line(sc, at(0.7), "the cart is broken: 3 prices")
	p.Trap(sc, at(0.8), "trap: unreachable: panicked at price/src/lib.rs:17:28: the cart is broken: 3 prices", append([]string{
		"<price::shop::Cart as core::ops::Add<price::shop::Item>>::add (price/src/lib.rs:17:28)",
		"price::quote (price/src/lib.rs:33:25)",
		"core::ops::function::FnOnce::call_once (/rust/lib/rustlib/src/rust/library/core/src/ops/function.rs:250:5)",
	}, strings.Split("func[12] func[13] func[14] func[15] func[16] func[17] shop:price/price@0.1.0#quote", " ")...))
	end(q, 0.9)
	end(c, 1)
	end(f, 1.1)
	end(r, 1.2)
}

// recorder makes spans of one trace, whose number it is.
func recorder(p *Printer, number byte) builder {
	return builder{sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p), sdktrace.WithIDGenerator(&counting{trace: number})).Tracer("t"), p}
}

// Requests of some spans, of 300, and with a trap in them, at each width; those that a filter names. 300 spans are one screen, and no line is
// wider than the terminal.
func TestGolden(t *testing.T) {
	all := []func(*Printer){plainRequest, trapped, sample}
	for name, c := range map[string]struct {
		filter  string
		samples []func(*Printer)
		widths  []int
	}{
		"plain":   {"", []func(*Printer){plainRequest}, []int{0, 40, 60, 100, 160}},
		"columns": {"", []func(*Printer){sample}, []int{0, 40, 60, 100, 160}},
		"trap":    {"", []func(*Printer){trapped}, []int{0, 40, 60, 100, 160}},
		"slow":    {"slow>2ms", []func(*Printer){plainRequest, trapped}, []int{60, 100, 160}},
		"errors":  {"errors", []func(*Printer){plainRequest, trapped}, []int{60, 100, 160}},
		"pattern": {"/warenkörbe/*|*no such*", all, []int{60, 100, 160}},
		"none":    {"slow>1h|/carts", all, []int{100}},
	} {
		filter, err := ParseFilter(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, width := range c.widths {
			t.Run(fmt.Sprintf("%s-%d", name, width), func(t *testing.T) {
				out := &output{}
				p := New(out, keys, Look{Width: func() int { return width }}, filter)
				for _, make := range c.samples {
					make(p)
				}
				if err := p.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", fmt.Sprintf("%s-%d.txt", name, width))
				if *update {
					if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got := out.String(); got != string(want) {
					t.Errorf("got:\n%s\nwant (-update writes it):\n%s", got, want)
				}
				lines := strings.Split(out.String(), "\n")
				if len(lines) > 40 && width >= 60 {
					t.Errorf("%d lines", len(lines))
				}
				ends := map[int]bool{}
				for _, l := range lines {
					if width > 0 && columns(l) > width {
						t.Errorf("%d columns: %s", columns(l), l)
					}
					if strings.HasSuffix(l, " ") || strings.Contains(l, "\t") {
						t.Errorf("a space at the end, or a tab: %q", l)
					}
					if bar := strings.IndexRune(l, '▕'); bar >= 0 {
						ends[columns(l[:bar])] = true
					}
				}
				if width >= 60 && len(ends) > 1 {
					t.Errorf("bars begin in columns %v", ends)
				}
			})
		}
	}
}

// Whatever the text and the width, cutting loses nothing but spaces at the cut, and each part fits.
func FuzzCutAt(f *testing.F) {
	f.Add("GET http://stock.internal/items/17?warehouse=north", 20)
	f.Add("商品目录 cafe\u0301 🍐🍐", 3)
	f.Add("   ", 1)
	f.Add("a\xffb c", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = max(n%100, 2)
		squeeze := strings.NewReplacer(" ", "")
		var all strings.Builder
		for rest, rounds := s, 0; rest != ""; rounds++ {
			var start string
			before := len(rest)
			if start, rest = cutAt(rest, n); columns(start) > n || len(rest) >= before {
				t.Fatalf("%q at %d: %q, %q", s, n, start, rest)
			}
			all.WriteString(start)
		}
		if squeeze.Replace(all.String()) != squeeze.Replace(s) {
			t.Fatalf("%q became %q", s, all.String())
		}
	})
}

// writes counts calls of Write: who makes a record of each must get none of a trace that is left out.
type writes struct{ n int }

func (w *writes) Write(p []byte) (int, error) { w.n++; return len(p), nil }

func TestFilter(t *testing.T) {
	for filter, want := range map[string]bool{
		"": true, "errors": true, "slow>39ms": true, "slow>41ms": false, "slow>1h|errors": true, "slow>1h | *nothing*": false,
		"/orders/17": true, "GET /orders/*": true, "GET /carts/*": false, "*quote": true, "*[method]*": true, "quote*": false,
		"http://stock.internal/*": true, "*?warehouse=*": true, "*.internal": false,
	} {
		f, err := ParseFilter(filter)
		if err != nil {
			t.Errorf("%q: %v", filter, err)
		}
		out := &writes{}
		p := New(out, keys, Look{}, f)
		sample(p)
		if err := p.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := out.n == 1; got != want || out.n > 1 {
			t.Errorf("%q: written %d times, want %v", filter, out.n, want)
		}
	}
	for _, bad := range []string{"slow", "slow>", "slow>5", "slow>-1s", "slow 5ms", "errors|", "|", "error", "slow>5x", "hunter2"} {
		if _, err := ParseFilter(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// The critical path is what the end waited for, in cells; spans of no length have a cell; clocks that disagree do no harm.
func TestCriticalPath(t *testing.T) {
	n := func(id byte, from, to float64) *node {
		return &node{id: trace.SpanID{id}, start: at(from), end: at(to)}
	}
	root, slow, quick, last, outside, empty := n(1, 0, 10), n(2, 1, 8), n(3, 1, 5), n(4, 8, 9.5), n(5, 9, 30), n(6, 9.5, 9.5)
	children := map[trace.SpanID][]*node{root.id: {slow, quick, last, empty}}
	path := critical([]*node{root}, children)
	for _, c := range []struct {
		*node
		from, to float64
	}{{root, 0, 10}, {slow, 1, 8}, {last, 8, 9.5}, {empty, 9.5, 9.5}} {
		if got := path[c.node]; got != (interval{at(c.from), at(c.to)}) {
			t.Errorf("%v: %v", c.id, got)
		}
	}
	if _, on := path[quick]; on {
		t.Error("a call beside a slower one is on the path")
	}
	children[root.id] = []*node{slow, outside} // it outlives its parent
	path = critical([]*node{root}, children)
	if got := path[outside]; got != (interval{at(9), at(10)}) {
		t.Errorf("a child that outlives its parent: %v", got)
	}
	root.parent = outside.id // a cycle
	children[outside.id] = []*node{root}
	critical([]*node{root}, children)
	for _, a := range []axis{newAxis(at(0), at(10), 60), newAxis(at(5), at(5), 80), newAxis(at(0), at(1e15), 1000)} {
		for _, x := range []*node{root, n(7, -1e9, 1e9), n(8, 3, 2), empty, {}} {
			if got := a.bar(&item{nodes: []*node{x}}, nil); columns(got) != a.cells {
				t.Errorf("%q has not %d cells", got, a.cells)
			}
		}
	}
}

// Lines of a trace are bounded.
func TestLineBounds(t *testing.T) {
	out := &output{}
	p := New(out, keys, Look{Width: func() int { return 80 }}, Filter{})
	defer func() { _ = p.Shutdown(context.Background()) }()
	b := builder{sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)).Tracer("t"), p}
	ctx, end := b.span(context.Background(), "root", 0)
	for i := range maxLines + 7 {
		b.p.Line(trace.SpanContextFromContext(ctx), epoch.Add(time.Duration(i)), strings.Repeat("x", 10))
	}
	b.p.Line(trace.SpanContext{}, epoch, "of no trace")
	end(1)
	if got := b.text(t, out); strings.Count(got, "│ xxxxxxxxxx\n") != maxLines || !strings.Contains(got, "… 7 more lines\n") {
		t.Errorf("%s", got)
	}
	var none *Printer
	none.Line(trace.SpanContextFromContext(ctx), epoch, "")
}

// Identifiers that are not unique, and parents in a circle, as a guest may say them: each span is there once.
func TestHostileParents(t *testing.T) {
	id := func(i int) trace.SpanID { return trace.SpanID{byte(i) + 1} }
	state := &traceState{}
	for i := range 900 {
		state.spans = append(state.spans, node{id: id(i % 5), parent: id((i + 1) % 5), name: fmt.Sprint("span-", i), start: at(float64(i)), end: at(float64(i + 1))})
	}
	out := New(&output{}, keys, Look{}, Filter{}).render(state)
	for i := range 900 {
		if n := strings.Count(out, fmt.Sprintf("span-%d ", i)); n != 1 {
			t.Fatalf("span %d is there %d times", i, n)
		}
	}
}
