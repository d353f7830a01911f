// Package bindgen writes Go bindings from WIT: for hosts that serve an interface, for hosts that call one that a
// guest exports, and for code inside a component. The commands `vitrine bindgen` and bindgen/cmd/bindgen (for go tool and go:generate) are made of it.
//
// In go resolved WIT ([wit.Set]) and [Options]; out come files of Go source, one an interface and side, the same for the same input. Generated
// bindings use no reflection.
//
// # What a binding looks like
//
// Of an interface that the host serves:
//
//	type Host interface { … }                              what the host implements: a method for each function that is not a resource's
//	func AddHost(l *component.Linker, impl Host)           defines the interface in a linker
//	func HostFuncs(impl Host) []cm.HostDef                 the functions that AddHost defines
//	var HostID wit.InterfaceID
//	type Counter interface { … }                           of each resource: its methods. An object's Drop(ctx) error, if it has one, is called at its end
//	var CounterType *cm.ResourceType                       the identity of the resource type
//
// Of an interface that a guest exports:
//
//	type Guest struct { … }                                has a method for each function; a resource's methods take its handle first
//	func NewGuestExport(*component.Instance) (*Guest, error)
//	func (*Guest) StartPump(…) (*cm.Started[T], error)     of each async function: begins a call; the method Pump waits for its end
//	type Session struct { *cm.Resource }                   of each resource: a handle
//
// Of a world w: a struct W with a field for each interface that it exports and a method for each function of its own, NewW, and WImports with AddW… for
// functions of its own that it imports. Where a package or a world has both sides of an interface, the guest's has Export after its name.
//
// Every function takes a context first and returns an error last. A result<T, E> is (T, error): the error of WIT is a *cm.ResultError[E], made by
// cm.Fail; any other error of the host traps the guest, and one that a call of a guest returns has ended that call. Types:
//
//	bool, u8 … s64, f32, f64, char, string      bool, uint8 … int64, float32, float64, rune, string
//	list<u8>, list<T>, list<T, N>, map<K, V>    []byte, []T, [N]T, map[K]V
//	option<T>                                   *T; for a handle of the host's, an interface that may be nil; for a stream or future, its reader or nil
//	tuple<…>, result<T, E> inside another type  cm.Tuple2[…], cm.Result[T, E]
//	record, enum, flags, type a = b             a struct, integers with constants (enum and flags), type A = B
//	variant                                     a struct with a Tag and a field for each case that has a payload; a function makes each case
//	own<r>, borrow<r>                           the Go interface of r if the host has it, its handle if the guest does
//	stream<T>, future<T>                        *cm.StreamReader[T], *cm.FutureReader[T]; struct{} is the T of those of no type
//
// An async func of WIT is a method like any other, which may block. One that the host implements runs while the guest goes on: its arguments are
// read before and its result is made after it, in the guest's store, and the method itself is outside it, with a context that ends when the guest
// cancels the call. What a call lends it (borrow<r>) is good until it returns. A reader among the arguments is the method's, which closes it or passes
// it on; for one among the results whoever makes it keeps the writer ([cm.NewStream], [cm.NewFuture]). error-context has no Go type.
//
// Of each record, variant, enum, flags and named compound type X there are LiftX, LowerX and XWIT, for those who handle values by hand.
//
// # Inside a component
//
// With [Options].Component the bindings are for a program that GOOS=wasip1 builds into a component. They call package
// github.com/vitrine-wasm/vitrine/sdk/go/cabi, and no context is passed. Of a world:
//
//	func StoreOpen(identifier string) (Bucket, error)      calls a function of an interface that the world imports, with the interface's name before its own
//	type Bucket uint32                                     of each resource: a handle, with its methods and Drop
//	func NewFields() Fields, func FieldsFromList(…)        constructors and static functions, with the resource's name
//	type IncomingHandler interface { … }                   of each interface that the world exports: what the program implements,
//	func ExportIncomingHandler(impl IncomingHandler)       and says in an init function
//
// Types are those of the table above, but for option<T> of a handle, which is a pointer as well, and tuples and results, which are package cabi's; the
// error of a result is a *cabi.Error[E]. An own<r> that is passed is the callee's from then on. A function that is asynchronous, a stream, a future, a map, a
// list of fixed length and a resource of the program's own are errors: there is no binding for them yet. What nothing calls is not
// imported. Elsewhere than in a component the same package builds, and calling an import panics.
//
// # Names
//
// Names are in camel case, words such as id, http and url in capitals: get-url-id is GetURLID, in a parameter getURLID. Where two names of one scope
// (fields, cases, methods, parameters) become the same, the later in the text has a number: ID, ID2. A parameter that Go or generated code has another
// meaning for has an underscore after it: type_. A type that has the name of another of the Go package has its interface's before its own. What would still
// be called the same is an error, and [Options].Names mends it.
//
// # What stays
//
// The names and signatures above, and the mapping of types, stay as they are within a major version of this module: what compiles against a binding compiles
// against one that a later version makes of the same text. Whatever is not exported, the comments, how the code is divided between files *.gen.go, and what it calls
// (package cm/bind) may change with any version: keep the generated files with the source, and regenerate them when the module is updated. [Drift],
// and --check of the command, say whether that is to be done.
package bindgen
