// Package bindgen writes Go bindings from WIT: for hosts that serve an interface, for hosts that call one that a
// guest exports, and for code inside a component. The commands `vitrine bindgen` and bindgen/cmd/bindgen (for go tool and go:generate) call it.
//
// The input is resolved WIT ([wit.Set]) and [Options]. The output is Go source, a file for each interface and side; the same input gives the same
// files. Generated bindings use no reflection.
//
// # What a binding looks like
//
// For an interface that the host serves:
//
//	type Host interface { … }                              what the host implements: a method for each function that is not a resource's
//	func AddHost(l *component.Linker, impl Host)           defines the interface in a linker
//	func HostFuncs(impl Host) []cm.HostDef                 the functions that AddHost defines
//	var HostID wit.InterfaceID
//	type Counter interface { … }                           for each resource: its methods. If an object has a method Drop(ctx) error, it is called when the guest drops the resource
//	var CounterType *cm.ResourceType                       the identity of the resource type
//
// For an interface that a guest exports:
//
//	type Guest struct { … }                                has a method for each function; methods of a resource take its handle first
//	func NewGuestExport(*component.Instance) (*Guest, error)
//	func (*Guest) StartPump(…) (*cm.Started[T], error)     for each async function: starts a call; the method Pump waits for its end
//	type Session struct { *cm.Resource }                   for each resource: a handle
//
// For a world w: a struct W with a field for each interface that it exports and a method for each function that the world itself exports, NewW, and WImports with AddW… for
// the functions that the world itself imports. Where a package or a world has both sides of an interface, the name of the guest's ends in Export.
//
// Every function takes a context first and returns an error last. A result<T, E> is (T, error): the error of WIT is a *cm.ResultError[E], made by
// cm.Fail; any other error that a host function returns traps the guest; any other error that a call of a guest returns says that the call has failed. Types:
//
//	bool, u8 … s64, f32, f64, char, string      bool, uint8 … int64, float32, float64, rune, string
//	list<u8>, list<T>, list<T, N>, map<K, V>    []byte, []T, [N]T, map[K]V
//	option<T>                                   *T; for a handle of the host's, an interface that may be nil; for a stream or future, its reader or nil
//	tuple<…>, result<T, E> inside another type  cm.Tuple2[…], cm.Result[T, E]
//	record, enum, flags, type a = b             a struct, integers with constants (enum and flags), type A = B
//	variant                                     a struct with a Tag and a field for each case that has a payload; each case has a function that makes it
//	own<r>, borrow<r>                           the Go interface of r if the host has it, its handle if the guest does
//	stream<T>, future<T>                        *cm.StreamReader[T], *cm.FutureReader[T]; T is struct{} where WIT names no type
//
// An async func of WIT is a method like any other, which may block. One that the host implements runs on a goroutine of its own while the guest goes
// on; its context ends when the guest cancels the call. Its arguments are lifted before it starts, and its result is lowered after it returns. A
// borrow<r> is valid until it returns. A reader among its arguments belongs to the method, which closes it or passes it on. To return a reader, make
// it with its writer ([cm.NewStream], [cm.NewFuture]) and keep the writer. error-context has no Go type.
//
// Each record, variant, enum, flags and named compound type X has LiftX, LowerX and XWIT, for programs that handle untyped values.
//
// # Inside a component
//
// With [Options].Component the bindings are for a program that GOOS=wasip1 builds into a component. They call package
// github.com/vitrine-wasm/vitrine/sdk/go/cabi and, where there is something asynchronous, sdk/go/async. For a world:
//
//	func StoreOpen(identifier string) (Bucket, error)      calls a function of an interface that the world imports; its name begins with the interface's
//	type Bucket uint32                                     for each resource: a handle, with its methods and Drop
//	func NewFields() Fields, func FieldsFromList(…)        constructors and static functions, with the resource's name in theirs
//	type IncomingHandler interface { … }                   for each interface that the world exports: what the program implements,
//	func ExportIncomingHandler(impl IncomingHandler)       and registers in an init function
//
// An async func has a context as its first parameter and an error as its last result: a call of the host ends with the context, and an implementation is called on a
// goroutine of a task of its own, whose context ends when the caller cancels it. Functions that are not asynchronous take no context.
//
// For a resource r of an interface that the world exports there is a Go interface R with its methods, which the program implements; constructor and static
// functions are methods of the interface's. If an object has a method Drop(), it is called when the host drops the resource. An own<r> that comes back
// is the object, and the program's again; a borrow<r> is the object until the function returns.
//
// Types are those of the table above, except that option<T> of a handle is a pointer, that tuples and results are types of package cabi, and that streams and futures are
// readers of package async, which variables named StreamOf… and FutureOf… make together with their writers; the error of a result is a *cabi.Error[E]. Passing an
// own<r> or a reader gives it to the callee. Maps and lists of fixed length are errors: there are no bindings for them yet. A function
// that the program does not call is not imported. The package also builds for other targets, where a call of an import panics.
//
// # Names
//
// Names are in camel case, words such as id, http and url in capitals: get-url-id is GetURLID, in a parameter getURLID. Where two names of one scope
// (fields, cases, methods, parameters) become the same, the second in the text gets a number: ID, ID2. A parameter whose name is a keyword of Go or is
// used by generated code gets an underscore: type_. A type whose name the Go package already has gets the interface's name in front. Names that still
// collide are an error; [Options].Names resolves it.
//
// # Stability
//
// The names and signatures above, and the mapping of types, stay the same within a major version of this module: code that compiles against a binding
// compiles against the binding that a later version makes from the same text. Names that are not exported, comments, the division into files *.gen.go, and
// the functions that generated code calls (package cm/bind) may change with any version: keep the generated files with the source, and regenerate them when
// the module is updated. [Drift], and --check of the command, say whether they are out of date.
package bindgen
