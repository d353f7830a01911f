package surface

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// P3 is the component for WASI 0.3.
//
// What is said of P2 is so of it. Functions whose type is async are called by the asynchronous ABI where that is simple, and
// waited for. Streams and futures pass through its table; surface:values/streams has functions that use them by the built-ins:
// take-T reads a stream of elements of T to its end or so many of them, await-P the future of package P, and give-T and
// give-P make one of a list of elements, which is one for a future, and go on when they have returned. run returns the
// argument of set-outcome, and handle the response of the set-response before, or the error internal-error; it keeps its argument
// until take-request.
var P3 = &Surface{
	Version: "0.3.0", File: "testdata/surface/surface-p3.wat",
	Exported: []string{"wasi:cli/run@0.3.0", "wasi:http/handler@0.3.0"},
	own:      (*writer).p3,
}

// Values is the name of the function of surface:values/streams that a stream or future of t belongs to; verb is take, await or give.
func Values(verb string, t *wit.Type) string {
	if t.Kind == wit.Stream {
		elem := t.Elem
		if elem.Kind == wit.Own {
			elem = elem.Elem
		}
		if elem.Name == "" {
			return verb + "-" + elem.Kind.String()
		}
		return verb + "-" + elem.Name
	}
	name := verb + "-" + t.Elem.Err.Resolve().Interface.ID.Package
	if t.Elem.OK != nil {
		name += "-trailers"
	}
	return name
}

// conduits are the types of streams and futures in the functions' parameters, or in their results, each once.
func (w *writer) conduits(params bool) []*wit.Type {
	var out []*wit.Type
	var add func(t *wit.Type)
	add = func(t *wit.Type) {
		if t == nil {
			return
		}
		if t.Kind == wit.Stream || t.Kind == wit.Future {
			if !slices.ContainsFunc(out, func(o *wit.Type) bool { return Values("", o) == Values("", t) }) {
				out = append(out, t)
			}
			return
		}
		t.Walk(add)
	}
	for _, p := range w.set.Packages {
		for _, i := range p.Interfaces {
			for _, f := range i.AllFuncs() {
				if !params {
					add(f.Result)
					continue
				}
				for _, p := range f.Params {
					add(p.Type)
				}
			}
		}
	}
	return out
}

// named is the name of a type outside its interface.
func named(t *wit.Type) string { return "$" + short(t.Interface) + "." + t.Name }

// builtin writes a built-in and its import into the code.
func (w *writer) builtin(name, canon, sig string) {
	w.line("(core func $%s (canon %s))", name, canon)
	line(&w.coreImports, "(import \"host\" %q (func $%s%s))", name, name, sig)
	line(&w.instance, "  (export %q (func $%s))", name, name)
}

// waits writes what waits for asynchronous calls.
func (w *writer) waits() error {
	w.builtin("ws-new", "waitable-set.new", " (result i32)")
	w.builtin("ws-wait", "waitable-set.wait (memory $m)", " (param i32 i32) (result i32)")
	w.builtin("ws-drop", "waitable-set.drop", " (param i32)")
	w.builtin("join", "waitable.join", " (param i32 i32)")
	w.builtin("sub-drop", "subtask.drop", " (param i32)")
	line(&w.code, "%s", waiting)
	return nil
}

func (w *writer) p3() error {
	if err := w.waits(); err != nil {
		return err
	}
	if err := w.values(); err != nil {
		return err
	}
	return w.handler()
}

// values writes the functions that use streams and futures.
func (w *writer) values() error {
	w.builtin("ctx-get", "context.get i32 0", " (result i32)")
	w.builtin("ctx-set", "context.set i32 0", " (param i32)")
	var exports strings.Builder
	for _, t := range w.conduits(false) {
		if err := w.taker(t, &exports); err != nil {
			return err
		}
	}
	for _, t := range w.conduits(true) {
		if err := w.giver(t, &exports); err != nil {
			return err
		}
	}
	line(&w.lifts, "(instance $values_out")
	w.lifts.WriteString(exports.String())
	line(&w.lifts, ")")
	line(&w.lifts, `(export "surface:values/streams" (instance $values_out))`)
	return nil
}

// waitsAndValues writes what an asynchronous interface with streams needs.
func (w *writer) waitsAndValues() error {
	if err := w.waits(); err != nil {
		return err
	}
	return w.values()
}

// elem declares a type of streams or futures, and gives its name and the size of an element.
func (w *writer) elem(name string, t *wit.Type) (size uint32, err error) {
	l, err := w.table.Layout(valueType(t.Elem))
	if err != nil {
		return 0, err
	}
	w.line("(type $%s %s)", name, definition(t, named))
	return l.Size, nil
}

// taker writes the function that reads a stream or future.
func (w *writer) taker(t *wit.Type, exports *strings.Builder) error {
	verb := map[wit.Kind]string{wit.Stream: "take", wit.Future: "await"}[t.Kind]
	name := Values(verb, t)
	size, err := w.elem(name, t)
	if err != nil {
		return err
	}
	sig := " (param i32 i32 i32) (result i32)"
	params, result := ` (param "from" $`+name+`) (param "max" u32)`, "(list "+use(t.Elem, named)+")"
	code := takeStream
	if t.Kind == wit.Future {
		sig, params, result, code = " (param i32 i32) (result i32)", ` (param "from" $`+name+`)`, use(t.Elem, named), awaitFuture
	}
	w.builtin(name+"-read", fmt.Sprintf("%s.read $%s async (memory $m) (realloc $r)", t.Kind, name), sig)
	w.builtin(name+"-drop", fmt.Sprintf("%s.drop-readable $%s", t.Kind, name), " (param i32)")
	line(&w.code, "%s", strings.NewReplacer("NAME", name, "SIZE", fmt.Sprint(size)).Replace(code))
	line(&w.lifts, `(func $%s async%s (result %s) (canon lift (core func $code %q) (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))`,
		name, params, result, name)
	line(exports, "  (export %q (func $%s))", name, name)
	return nil
}

// giver writes the function that makes a stream or future.
func (w *writer) giver(t *wit.Type, exports *strings.Builder) error {
	name := Values("give", t)
	size, err := w.elem(name, t)
	if err != nil {
		return err
	}
	sig, length := " (param i32 i32 i32) (result i32)", "(i32.load offset=8 (local.get $rec))"
	if t.Kind == wit.Future {
		sig, length = " (param i32 i32) (result i32)", ""
	}
	w.builtin(name+"-new", fmt.Sprintf("%s.new $%s", t.Kind, name), " (result i64)")
	w.builtin(name+"-write", fmt.Sprintf("%s.write $%s async (memory $m) (realloc $r)", t.Kind, name), sig)
	w.builtin(name+"-drop", fmt.Sprintf("%s.drop-writable $%s", t.Kind, name), " (param i32)")
	w.builtin(name+"-return", fmt.Sprintf("task.return (result $%s)", name), " (param i32)")
	ended := "(i32.or (i32.and (local.get $ret) (i32.const 15)) (i32.eqz (i32.load offset=8 (local.get $rec))))"
	if t.Kind == wit.Future {
		ended = "(i32.const 1)"
	}
	line(&w.code, "%s", strings.NewReplacer("NAME", name, "SIZE", fmt.Sprint(size), "LENGTH", length, "ENDED", ended).Replace(giveValues))
	line(&w.lifts, `(func $%s async (param "values" (list %s)) (result $%s) (canon lift (core func $code %q) async (callback (func $code "%s-cb")) (memory $m) (realloc $r)))`,
		name, use(t.Elem, named), name, name, name)
	line(exports, "  (export %q (func $%s))", name, name)
	return nil
}

// handler writes the two interfaces that components export.
func (w *writer) handler() error {
	var result *wit.Type
	for _, p := range w.set.Packages {
		for _, i := range p.Interfaces {
			if i.ID.String() == "wasi:http/handler@0.3.0" {
				result = i.AllFuncs()[0].Result
			}
		}
	}
	l, err := w.table.Layout(valueType(result))
	if err != nil {
		return err
	}
	index := slices.IndexFunc(result.Err.Resolve().Cases, func(c wit.Case) bool { return c.Name == "internal-error" })
	line(&w.code, "%s", strings.NewReplacer("SIZE", fmt.Sprint(l.Size), "PAYLOAD", fmt.Sprint(l.Payload), "CASE", fmt.Sprint(index)).Replace(handlerCode))
	line(&w.lifts, "%s", handlerLifts)
	return nil
}

// waiting is code that waits for one waitable, and for a call by the asynchronous ABI.
const waiting = `(func $block (param $w i32) (result i32)
  (local $s i32)
  (local.set $s (call $ws-new))
  (call $join (local.get $w) (local.get $s))
  (drop (call $ws-wait (local.get $s) (i32.const 0)))
  (call $join (local.get $w) (i32.const 0))
  (call $ws-drop (local.get $s))
  (i32.load (i32.const 4)))
(func $finished (param $status i32)
  (if (i32.eq (local.get $status) (i32.const 2)) (then (return)))
  (loop $more (br_if $more (i32.ne (call $block (i32.shr_u (local.get $status) (i32.const 4))) (i32.const 2))))
  (call $sub-drop (i32.shr_u (local.get $status) (i32.const 4))))`

const takeStream = `(func (export "NAME") (param $s i32) (param $max i32) (result i32)
  (local $r i32) (local $at i32) (local $n i32) (local $got i32)
  (local.set $r (call $alloc (i32.const 8)))
  (local.set $at (call $alloc (i32.mul (local.get $max) (i32.const SIZE))))
  (block $end (loop $more
    (br_if $end (i32.ge_u (local.get $got) (local.get $max)))
    (local.set $n (call $NAME-read (local.get $s)
      (i32.add (local.get $at) (i32.mul (local.get $got) (i32.const SIZE))) (i32.sub (local.get $max) (local.get $got))))
    (if (i32.eq (local.get $n) (i32.const -1)) (then (local.set $n (call $block (local.get $s)))))
    (local.set $got (i32.add (local.get $got) (i32.shr_u (local.get $n) (i32.const 4))))
    (br_if $more (i32.eqz (i32.and (local.get $n) (i32.const 15))))))
  (call $NAME-drop (local.get $s))
  (i32.store (local.get $r) (local.get $at))
  (i32.store offset=4 (local.get $r) (local.get $got))
  (local.get $r))`

const awaitFuture = `(func (export "NAME") (param $f i32) (result i32)
  (local $r i32)
  (local.set $r (call $alloc (i32.const SIZE)))
  (if (i32.eq (call $NAME-read (local.get $f) (local.get $r)) (i32.const -1)) (then (drop (call $block (local.get $f)))))
  (call $NAME-drop (local.get $f))
  (local.get $r))`

// giveValues keeps the writable end, where the values are, how many are left and the waitable set in 16 bytes.
const giveValues = `(func (export "NAME") (param $p i32) (param $n i32) (result i32)
  (local $pair i64) (local $rec i32)
  (local.set $pair (call $NAME-new))
  (local.set $rec (call $alloc (i32.const 16)))
  (i32.store (local.get $rec) (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32))))
  (i32.store offset=4 (local.get $rec) (local.get $p))
  (i32.store offset=8 (local.get $rec) (local.get $n))
  (i32.store offset=12 (local.get $rec) (call $ws-new))
  (call $join (i32.load (local.get $rec)) (i32.load offset=12 (local.get $rec)))
  (call $ctx-set (local.get $rec))
  (call $pin (i32.const 1))
  (call $NAME-return (i32.wrap_i64 (local.get $pair)))
  (call $NAME-go (local.get $rec) (call $NAME-write (i32.load (local.get $rec)) (local.get $p) LENGTH)))
(func $NAME-go (param $rec i32) (param $ret i32) (result i32)
  (block $end (loop $more
    (if (i32.eq (local.get $ret) (i32.const -1))
      (then (return (i32.or (i32.const 2) (i32.shl (i32.load offset=12 (local.get $rec)) (i32.const 4))))))
    (i32.store offset=4 (local.get $rec)
      (i32.add (i32.load offset=4 (local.get $rec)) (i32.mul (i32.shr_u (local.get $ret) (i32.const 4)) (i32.const SIZE))))
    (i32.store offset=8 (local.get $rec) (i32.sub (i32.load offset=8 (local.get $rec)) (i32.shr_u (local.get $ret) (i32.const 4))))
    (br_if $end ENDED)
    (local.set $ret (call $NAME-write (i32.load (local.get $rec)) (i32.load offset=4 (local.get $rec)) LENGTH))
    (br $more)))
  (call $NAME-drop (i32.load (local.get $rec)))
  (call $ws-drop (i32.load offset=12 (local.get $rec)))
  (call $pin (i32.const -1))
  (i32.const 0))
(func (export "NAME-cb") (param $event i32) (param $handle i32) (param $payload i32) (result i32)
  (call $NAME-go (call $ctx-get) (local.get $payload)))`

const handlerCode = `(global $outcome (mut i32) (i32.const 0))
(global $request (mut i32) (i32.const 0))
(global $response (mut i32) (i32.const 0))
(func (export "set-outcome") (param i32) (global.set $outcome (local.get 0)))
(func (export "run") (result i32) (global.get $outcome))
(func (export "set-response") (param i32) (global.set $response (local.get 0)))
(func (export "take-request") (result i32) (global.get $request))
(func (export "handle") (param i32) (result i32)
  (local $r i32)
  (global.set $request (local.get 0))
  (local.set $r (call $alloc (i32.const SIZE)))
  (memory.fill (local.get $r) (i32.const 0) (i32.const SIZE))
  (i32.store offset=PAYLOAD (local.get $r) (global.get $response))
  (if (i32.eqz (global.get $response))
    (then (i32.store8 (local.get $r) (i32.const 1)) (i32.store8 offset=PAYLOAD (local.get $r) (i32.const CASE))))
  (global.set $response (i32.const 0))
  (local.get $r))`

const handlerLifts = `(func $run async (result (result)) (canon lift (core func $code "run")))
(func $set-outcome (param "code" u32) (canon lift (core func $code "set-outcome")))
(instance $run (export "run" (func $run)))
(export "wasi:cli/run@0.3.0" (instance $run))
(instance $outcome (export "set-outcome" (func $set-outcome)))
(export "surface:cli/run" (instance $outcome))
(func $handle async (param "request" (own $http_types.request)) (result (result (own $http_types.response) (error $http_types.error-code)))
  (canon lift (core func $code "handle") (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))
(func $take-request (result (own $http_types.request)) (canon lift (core func $code "take-request")))
(func $set-response (param "response" (own $http_types.response)) (canon lift (core func $code "set-response")))
(instance $handler (export "handle" (func $handle)))
(export "wasi:http/handler@0.3.0" (instance $handler))
(instance $taken (export "take-request" (func $take-request)) (export "set-response" (func $set-response)))
(export "surface:http/handler" (instance $taken))`
