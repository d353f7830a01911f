package surface

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/types"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Surface is the component for one version of WASI, or of another package.
type Surface struct {
	Version  string
	File     string   // the path of its text in the module
	Exported []string // the interfaces that components export instead of import
	dir      string   // of the WIT in the module; empty: that of WASI of the version
	uses     []string // folders of the packages that it refers to
	own      func(w *writer) error
}

// The components for the interfaces of key-value stores. They implement none.
var (
	KeyvalueDraft     = &Surface{Version: "0.2.0-draft", File: "testdata/surface/keyvalue-draft.wat", Exported: []string{"wasi:keyvalue/watcher@0.2.0-draft"}, dir: "plugin/keyvalue/wit"}
	KeyvalueDraft2    = &Surface{Version: "0.2.0-draft2", File: "testdata/surface/keyvalue-draft2.wat", Exported: []string{"wasi:keyvalue/watcher@0.2.0-draft2"}, dir: "plugin/keyvalue/bindings/draft2/wit"}
	WasmcloudKeyvalue = &Surface{Version: "0.2.0", File: "testdata/surface/wasmcloud-keyvalue.wat", Exported: []string{"wasmcloud:keyvalue/watcher@0.2.0"}, dir: "plugin/keyvalue/bindings/wasmcloud/wit", own: (*writer).waits}
	SpinKeyvalue3     = &Surface{Version: "3.0.0", File: "testdata/surface/spin-keyvalue3.wat", dir: "plugin/keyvalue/bindings/spin3/wit", own: (*writer).waitsAndValues}
	SpinKeyvalue2     = &Surface{Version: "2.0.0", File: "testdata/surface/spin-keyvalue2.wat", dir: "plugin/keyvalue/bindings/spin2/wit"}
)

// The components for the interfaces of stores of objects.
var (
	Blobstore          = &Surface{Version: "0.2.0-draft", File: "testdata/surface/blobstore.wat", dir: "plugin/blobstore/wit", uses: []string{"wasi/wit/wasi-io@0.2.12"}}
	WasmcloudBlobstore = &Surface{Version: "0.1.0", File: "testdata/surface/wasmcloud-blobstore.wat", dir: "plugin/blobstore/bindings/wasmcloud/wit", own: (*writer).waitsAndValues}
)

// The components for the interfaces of configuration.
var (
	Config         = &Surface{Version: "0.2.0-rc.1", File: "testdata/surface/config.wat", dir: "plugin/config/wit"}
	ConfigDraft    = &Surface{Version: "0.2.0-draft-2024-09-27", File: "testdata/surface/config-draft.wat", dir: "plugin/config/bindings/draft/wit"}
	SpinVariables2 = &Surface{Version: "2.0.0", File: "testdata/surface/spin-variables2.wat", dir: "plugin/config/bindings/spin2/wit"}
	SpinVariables3 = &Surface{Version: "3.0.0", File: "testdata/surface/spin-variables3.wat", dir: "plugin/config/bindings/spin3/wit", own: (*writer).waits}
)

// The components for the interfaces of PostgreSQL.
var (
	SpinPostgres2     = &Surface{Version: "2.0.0", File: "testdata/surface/spin-postgres2.wat", dir: "plugin/postgres/wit/spin2"}
	SpinPostgres3     = &Surface{Version: "3.0.0", File: "testdata/surface/spin-postgres3.wat", dir: "plugin/postgres/wit/spin3"}
	SpinPostgres4     = &Surface{Version: "4.2.0", File: "testdata/surface/spin-postgres4.wat", dir: "plugin/postgres/wit/spin4", own: (*writer).waitsAndValues}
	WasmcloudPostgres = &Surface{Version: "0.2.0", File: "testdata/surface/wasmcloud-postgres.wat", dir: "plugin/postgres/wit/wasmcloud", own: (*writer).waitsAndValues}
)

// WasmcloudSecrets is the component for secrets of wasmCloud.
var WasmcloudSecrets = &Surface{Version: "2.1.0", File: "testdata/surface/wasmcloud-secrets.wat", dir: "plugin/secrets/wit", own: (*writer).waits}

// The components for the interfaces for Redis. Handlers of messages are not called here.
var (
	SpinRedis2 = &Surface{Version: "2.0.0", File: "testdata/surface/spin-redis2.wat", dir: "plugin/redis/wit/spin2"}
	SpinRedis3 = &Surface{Version: "3.0.0", File: "testdata/surface/spin-redis3.wat", Exported: []string{"spin:redis/inbound-redis@3.0.0"}, dir: "plugin/redis/wit/spin3", own: (*writer).waits}
)

// The components for the interfaces for MQTT.
var (
	SpinMQTT2 = &Surface{Version: "2.0.0", File: "testdata/surface/spin-mqtt2.wat", dir: "plugin/mqtt/wit/spin2"}
	SpinMQTT3 = &Surface{Version: "3.0.0", File: "testdata/surface/spin-mqtt3.wat", dir: "plugin/mqtt/wit/spin3", own: (*writer).waits}
)

// The components for the interfaces of SQLite.
var (
	SpinSQLite2 = &Surface{Version: "2.0.0", File: "testdata/surface/spin-sqlite2.wat", dir: "plugin/sqlite/wit/spin2"}
	SpinSQLite3 = &Surface{Version: "3.1.0", File: "testdata/surface/spin-sqlite3.wat", dir: "plugin/sqlite/wit/spin3", own: (*writer).waitsAndValues}
)

// The components for the interfaces of messages. Handlers of messages are not called here.
var (
	WasmcloudMessaging2 = &Surface{Version: "0.2.0", File: "testdata/surface/wasmcloud-messaging2.wat", Exported: []string{"wasmcloud:messaging/handler@0.2.0"}, dir: "plugin/messaging/wit/0.2"}
	WasmcloudMessaging3 = &Surface{Version: "0.3.0", File: "testdata/surface/wasmcloud-messaging3.wat", Exported: []string{"wasmcloud:messaging/handler@0.3.0"}, dir: "plugin/messaging/wit/0.3", own: (*writer).waitsAndValues}
)

// Logging is the component for messages of logs.
var Logging = &Surface{Version: "0.1.0-draft", File: "testdata/surface/logging.wat", dir: "plugin/logging/wit"}

// All are the components of this package.
var All = []*Surface{P2, P3, KeyvalueDraft, KeyvalueDraft2, SpinKeyvalue2, SpinKeyvalue3, WasmcloudKeyvalue, Blobstore, WasmcloudBlobstore, Config, ConfigDraft, SpinVariables2, SpinVariables3, WasmcloudSecrets, SpinRedis2, SpinRedis3, SpinMQTT2, SpinMQTT3,
	SpinPostgres2, SpinPostgres3, SpinPostgres4, WasmcloudPostgres, SpinSQLite2, SpinSQLite3, WasmcloudMessaging2, WasmcloudMessaging3, Logging}

// P2 is the one for WASI 0.2, features included.
//
// Each exported interface also has drop-R for each resource R. The two interfaces that components implement are exported by
// their own names: run returns the argument of set-outcome (0: ok), and handle keeps its arguments until take-request and
// take-out return them; these three are in surface:cli/run and surface:http/incoming-handler.
var P2 = &Surface{
	Version: "0.2.12", File: "testdata/surface/surface.wat",
	Exported: []string{"wasi:cli/run@0.2.12", "wasi:http/incoming-handler@0.2.12"},
	own: func(w *writer) error {
		line(&w.code, "%s", exportedCode)
		line(&w.lifts, "%s", exportedLifts)
		return nil
	},
}

// Load reads the WIT of its version that belongs to the module at root.
func (s *Surface) Load(root string) (*wit.Set, error) {
	if s.dir != "" {
		dirs := []string{filepath.Join(root, filepath.FromSlash(s.dir))}
		for _, d := range s.uses {
			dirs = append(dirs, filepath.Join(root, filepath.FromSlash(d)))
		}
		return wit.Load(dirs...)
	}
	dirs, err := filepath.Glob(filepath.Join(root, "wasi", "wit", "wasi-*@"+s.Version))
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%s: no WIT of WASI %s", root, s.Version)
	}
	return wit.Load(dirs...)
}

// Interface is the name of the export for an interface.
func Interface(id wit.InterfaceID) string { return "surface:" + id.Package + "/" + id.Interface }

// Name is the name of the export for a function: "poll", "pollable-ready", "new-fields".
func Name(f *wit.Func) string {
	switch {
	case f.Kind == wit.Constructor:
		return "new-" + f.Resource.Name
	case f.Resource != nil:
		return f.Resource.Name + "-" + f.Base
	}
	return f.Name
}

// Text is the text of the component.
func (s *Surface) Text(root string) (string, error) {
	set, err := s.Load(root)
	if err != nil {
		return "", err
	}
	w := &writer{set: set, table: types.NewTable()}
	if s.dir == "" {
		w.line(";; Written by tests/surface from the WIT of WASI %s. DO NOT EDIT.", s.Version)
	} else {
		w.line(";; Written by tests/surface from %s. DO NOT EDIT.", s.dir)
	}
	w.line("(component $surface")
	w.line(memory)
	for _, i := range s.order(set) {
		if err := w.imported(i); err != nil {
			return "", fmt.Errorf("%s: %w", i.ID, err)
		}
	}
	if s.own != nil {
		if err := s.own(w); err != nil {
			return "", err
		}
	}
	w.line("(core module $code")
	w.line(`(import "mem" "memory" (memory 1))`)
	w.line(`(import "mem" "alloc" (func $alloc (param i32) (result i32)))`)
	w.line(`(import "mem" "pin" (func $pin (param i32)))`)
	w.b.WriteString(w.coreImports.String())
	w.b.WriteString(w.code.String())
	w.line(")")
	w.line("(core instance $imports")
	w.b.WriteString(w.instance.String())
	w.line(")")
	w.line(`(core instance $code (instantiate $code (with "mem" (instance $mem)) (with "host" (instance $imports))))`)
	w.b.WriteString(w.lifts.String())
	w.line(")")
	return w.b.String(), nil
}

// order sorts the imported interfaces so that each comes after those whose types it uses.
func (s *Surface) order(set *wit.Set) []*wit.Interface {
	var out []*wit.Interface
	var add func(i *wit.Interface)
	add = func(i *wit.Interface) {
		if slices.Contains(out, i) || slices.Contains(s.Exported, i.ID.String()) {
			return
		}
		for _, t := range i.Types {
			if t.From != nil && t.Elem.Interface != nil {
				add(t.Elem.Interface)
			}
		}
		out = append(out, i)
	}
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			add(i)
		}
	}
	return out
}

// inOrder sorts the types of an interface so that each comes after those that it refers to.
func inOrder(i *wit.Interface) []*wit.Type {
	var out []*wit.Type
	var add func(t *wit.Type)
	add = func(t *wit.Type) {
		if slices.Contains(out, t) || t.Interface != nil && t.Interface != i {
			return
		}
		t.Walk(add)
		if t.Kind == wit.Own || t.Kind == wit.Borrow {
			add(t.Elem)
		}
		if t.Interface == i {
			out = append(out, t)
		}
	}
	for _, t := range i.Types {
		add(t)
	}
	return out
}

// memory is the heap for all values, which post-return empties after each call.
const memory = `(core module $mem
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 16))
  (func $alloc (export "alloc") (param $n i32) (result i32)
    (local $p i32)
    (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $p) (local.get $n)))
    (block $fits
      (loop $more
        (br_if $fits (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
        (br $more)))
    (local.get $p))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (local $p i32)
    (local.set $p (call $alloc (local.get 3)))
    (memory.copy (local.get $p) (local.get 0) (local.get 1))
    (local.get $p))
  ;; tasks that go on when their call has returned keep the heap
  (global $pins (mut i32) (i32.const 0))
  (func (export "pin") (param i32) (global.set $pins (i32.add (global.get $pins) (local.get 0))))
  (func $post (export "post") (if (i32.eqz (global.get $pins)) (then (global.set $top (i32.const 16)))))
  (func (export "post-i32") (param i32) (call $post))
  (func (export "post-i64") (param i64) (call $post)))
(core instance $mem (instantiate $mem))
(alias core export $mem "memory" (core memory $m))
(alias core export $mem "realloc" (core func $r))`

const exportedCode = `(global $outcome (mut i32) (i32.const 0))
(global $request (mut i32) (i32.const 0))
(global $out (mut i32) (i32.const 0))
(func (export "set-outcome") (param i32) (global.set $outcome (local.get 0)))
(func (export "run") (result i32) (global.get $outcome))
(func (export "handle") (param i32 i32) (global.set $request (local.get 0)) (global.set $out (local.get 1)))
(func (export "take-request") (result i32) (global.get $request))
(func (export "take-out") (result i32) (global.get $out))`

const exportedLifts = `(func $run (result (result)) (canon lift (core func $code "run")))
(func $set-outcome (param "code" u32) (canon lift (core func $code "set-outcome")))
(instance $run (export "run" (func $run)))
(export "wasi:cli/run@0.2.12" (instance $run))
(instance $outcome (export "set-outcome" (func $set-outcome)))
(export "surface:cli/run" (instance $outcome))
(func $handle (param "request" (own $http_types.incoming-request)) (param "response-out" (own $http_types.response-outparam))
  (canon lift (core func $code "handle")))
(func $take-request (result (own $http_types.incoming-request)) (canon lift (core func $code "take-request")))
(func $take-out (result (own $http_types.response-outparam)) (canon lift (core func $code "take-out")))
(instance $handler (export "handle" (func $handle)))
(export "wasi:http/incoming-handler@0.2.12" (instance $handler))
(instance $taken (export "take-request" (func $take-request)) (export "take-out" (func $take-out)))
(export "surface:http/incoming-handler" (instance $taken))`

// writer collects the parts of the component.
type writer struct {
	set                                *wit.Set
	table                              *types.Table
	b                                  strings.Builder
	coreImports, code, instance, lifts strings.Builder
	n                                  int // functions so far
}

func (w *writer) line(format string, args ...any) { line(&w.b, format, args...) }

func line(b *strings.Builder, format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	b.WriteString(format)
	b.WriteByte('\n')
}

// short is the name of an interface in the text.
func short(i *wit.Interface) string { return i.ID.Package + "_" + i.ID.Interface }

// imported writes the import of an interface, and the functions that call it.
func (w *writer) imported(i *wit.Interface) error {
	w.line("(import %q (instance $%s", i.ID.String(), short(i))
	for _, t := range inOrder(i) {
		w.declare(t)
	}
	for _, f := range i.AllFuncs() {
		if listed(f.Result) {
			w.line("  (type $%s %s)", Values("stream", f.Result.OK), definition(f.Result.OK, local))
		}
		w.line("  (export %q (func%s))", f.Name, signature(f, local))
	}
	w.line("))")
	for _, t := range i.Types {
		w.line("(alias export $%s %q (type $%s.%s))", short(i), t.Name, short(i), t.Name)
	}
	var exports strings.Builder
	for _, t := range i.Types {
		if t.Kind == wit.Resource {
			w.drop(i, t)
			line(&exports, "  (export \"drop-%s\" (func $%s_drop-%s))", t.Name, short(i), t.Name)
		}
	}
	for _, f := range i.AllFuncs() {
		name, err := w.function(i, f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		line(&exports, "  (export %q (func %s))", Name(f), name)
	}
	line(&w.lifts, "(instance $%s_out", short(i))
	w.lifts.WriteString(exports.String())
	line(&w.lifts, ")")
	line(&w.lifts, "(export %q (instance $%s_out))", Interface(i.ID), short(i))
	return nil
}

// declare writes a type of an imported interface.
func (w *writer) declare(t *wit.Type) {
	switch {
	case t.From != nil:
		w.line("  (alias outer $surface $%s.%s (type $%s'))", short(t.Elem.Interface), t.Elem.Name, t.Name)
		w.line("  (export %q (type $%s (eq $%s')))", t.Name, t.Name, t.Name)
	case t.Kind == wit.Resource:
		w.line("  (export %q (type $%s (sub resource)))", t.Name, t.Name)
	case t.Kind == wit.Alias && t.Elem.Name != "":
		w.line("  (export %q (type $%s (eq $%s)))", t.Name, t.Name, t.Elem.Name)
	default:
		w.line("  (type $%s' %s)", t.Name, definition(t, local))
		w.line("  (export %q (type $%s (eq $%s')))", t.Name, t.Name, t.Name)
	}
}

// drop writes the function that lets the guest drop a resource.
func (w *writer) drop(i *wit.Interface, t *wit.Type) {
	name := short(i) + "_drop-" + t.Name
	w.line("(core func $%s (canon resource.drop $%s.%s))", name, short(i), t.Name)
	line(&w.coreImports, "(import \"host\" %q (func $%s (param i32)))", name, name)
	line(&w.instance, "  (export %q (func $%s))", name, name)
	line(&w.code, "(func (export %q) (param i32) (call $%s (local.get 0)))", name, name)
	line(&w.lifts, "(func $%s (param \"r\" (own $%s.%s)) (canon lift (core func $code %q)))", name, short(i), t.Name, name)
}

// function writes the import, the call and the export of a function, and returns the name of the exported function.
func (w *writer) function(i *wit.Interface, f *wit.Func) (string, error) {
	w.n++
	name := fmt.Sprintf("f%d", w.n)
	const memory = `(memory $m) (realloc $r)`
	async, err := w.lowersAsync(f)
	if err != nil {
		return "", err
	}
	how := memory
	if async {
		how = "async " + memory
	}
	w.line("(core func $%s (canon lower (func $%s %q) %s))", name, short(i), f.Name, how)
	line(&w.instance, "  (export %q (func $%s))", name, name)
	body, post, err := w.call(name, f, async)
	if err != nil {
		return "", err
	}
	line(&w.code, ";; %s#%s", i.ID, f.Name)
	line(&w.code, "%s", body)
	inside := func(t *wit.Type) string { return "$" + short(i) + "." + t.Name }
	if listed(f.Result) {
		line(&w.lifts, "(type $%s.%s %s)", short(i), Values("stream", f.Result.OK), definition(f.Result.OK, inside))
	}
	line(&w.lifts, "(func $%s%s (canon lift (core func $code %q) %s (post-return (func $mem %q))))",
		name, signature(f, inside), name, memory, post)
	return "$" + name, nil
}
