package binary

// Pos is an offset in the file that was decoded, in bytes from its start, for messages.
type Pos = int

// Component is one decoded component, outermost or nested. Defs are in the order of the file: each adds one entry to the
// index space of its sort (see [Sort]), save Export of a sort that the specification lets add an entry too, and Start,
// whose results add values. Nothing is checked beyond what decoding needs: indices may be out of range until package
// validate has accepted the component.
type Component struct {
	Pos, Size int
	Defs      []Def
	Customs   []Custom // in file order, "component-name" included
	Names     Names
}

// Custom is one custom section of a component.
type Custom struct {
	Pos  Pos
	Name string
	Data []byte // shares the file
}

// Names is the content of the component-name custom section. Its maps are nil where the section is absent or malformed, which is no
// error.
type Names struct {
	Component string
	Sorts     map[Sort]map[uint32]string
}

// Sort is the sort of an index space.
type Sort uint8

// The sorts. Core sorts come first; the order has no meaning in the binary.
const (
	SortCoreFunc Sort = iota + 1
	SortCoreTable
	SortCoreMemory
	SortCoreGlobal
	SortCoreTag
	SortCoreType
	SortCoreModule
	SortCoreInstance
	SortFunc
	SortValue
	SortType
	SortComponent
	SortInstance
)

// Def is one definition: one of *CoreModule, *CoreInstance, *CoreType, *NestedComponent, *Instance, *Alias, *TypeDef,
// *Canon, *Start, *Import, *Export, *ValueDef.
type Def interface{ Position() Pos }

// At is embedded in every definition and gives its position.
type At struct{ Pos Pos }

// Position is the offset of the definition.
func (a At) Position() Pos { return a.Pos }

// SortIndex is an entry of a sort's index space.
type SortIndex struct {
	Sort  Sort
	Index uint32
}

// Name is an import or export name with its attributes. Name is the text as it stands; Version suffixes and the
// implements and external-id attributes are empty where absent.
type Name struct {
	Name          string
	VersionSuffix string
	Implements    string
	ExternalID    string
}

// CoreModule embeds a core module; Bytes share the file.
type CoreModule struct {
	At
	Bytes []byte
}

// CoreInstance makes a core instance: from a module with arguments, or (Module < 0) from Exports.
type CoreInstance struct {
	At
	Module  int // index of a core module, or -1
	Args    []CoreArg
	Exports []CoreInlineExport
}

// CoreArg is one argument of a core instantiation: a core instance under an import module name.
type CoreArg struct {
	Name     string
	Instance uint32
}

// CoreInlineExport is one export of an inline core instance.
type CoreInlineExport struct {
	Name string
	SortIndex
}

// CoreType defines a core type: exactly one of Func, Module, Other is set. Other keeps GC types that decode and are
// refused by validate.
type CoreType struct {
	At
	Func   *CoreFuncType
	Module *CoreModuleType
	Other  string // the gated feature's name
}

// CoreValType is a core value type as its byte in the binary: 0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64, 0x7b v128,
// 0x70 funcref, 0x6f externref.
type CoreValType byte

// CoreFuncType is a core function type.
type CoreFuncType struct{ Params, Results []CoreValType }

// CoreModuleType is the type of a core module.
type CoreModuleType struct {
	Types   []CoreType // types declared inside, in order, aliases of outer types resolved to nil Func with Alias set
	Imports []CoreImport
	Exports []CoreExport
	Decls   []CoreModuleDecl // the declarations in file order, for the validator
}

// CoreModuleDecl is one declaration of a core module type: exactly one field is set.
type CoreModuleDecl struct {
	Type   *CoreType
	Alias  *Alias
	Import *CoreImport
	Export *CoreExport
}

// CoreImport is an import of a core module type.
type CoreImport struct {
	Module, Field string
	Desc          CoreExternDesc
}

// CoreExport is an export of a core module type.
type CoreExport struct {
	Name string
	Desc CoreExternDesc
}

// CoreExternDesc describes a core import or export. Sort is SortCoreFunc, Table, Memory, Global or Tag.
type CoreExternDesc struct {
	Sort     Sort
	Type     uint32      // func and tag: index of a core type
	Val      CoreValType // global: its type; table: its element type
	Mutable  bool        // global
	Min, Max uint64      // table, memory
	HasMax   bool
	Shared   bool
	Is64     bool
	PageSize uint32 // memory: one more than the logarithm that a custom page size gives; 0 without
}

// NestedComponent defines a component inside a component.
type NestedComponent struct {
	At
	Component *Component
	Bytes     []byte // what Encode writes for it, if not nil: a file, with its names; Decode leaves it nil
}

// Instance makes a component instance: from a component with arguments, or (Component < 0) from Exports.
type Instance struct {
	At
	Component int
	Args      []Arg
	Exports   []InlineExport
}

// Arg is one argument of a component instantiation.
type Arg struct {
	Name string
	SortIndex
}

// InlineExport is one export of an inline instance.
type InlineExport struct {
	Name Name
	SortIndex
}

// AliasKind says what an alias refers into.
type AliasKind uint8

// The targets of aliases.
const (
	AliasExport     AliasKind = iota // of a component instance
	AliasCoreExport                  // of a core instance
	AliasOuter                       // of an enclosing component
)

// Alias adds an entry of Sort that is defined elsewhere.
type Alias struct {
	At
	Kind     AliasKind
	Sort     Sort
	Instance uint32 // AliasExport, AliasCoreExport
	Name     string // AliasExport, AliasCoreExport
	Count    uint32 // AliasOuter: how many components (or types) out; 0 is the current one
	Index    uint32 // AliasOuter
}

// TypeDef defines a type: exactly one field is set.
type TypeDef struct {
	At
	Val       *ValDef
	Func      *FuncDef
	Component *DeclType
	Instance  *DeclType
	Resource  *ResourceDef
}

// Prim is a primitive value type.
type Prim uint8

// Primitive value types; PrimErrorContext is gated.
const (
	PrimBool Prim = iota + 1
	PrimS8
	PrimU8
	PrimS16
	PrimU16
	PrimS32
	PrimU32
	PrimS64
	PrimU64
	PrimF32
	PrimF64
	PrimChar
	PrimString
	PrimErrorContext
)

// ValRef is a value type where it is used: a primitive (Prim != 0) or the index of a type.
type ValRef struct {
	Prim  Prim
	Index uint32
}

// ValKind is the constructor of a defined value type.
type ValKind uint8

// Constructors of defined value types.
const (
	DefPrim ValKind = iota
	DefRecord
	DefVariant
	DefList // Len set: fixed length
	DefTuple
	DefFlags
	DefEnum
	DefOption
	DefResult
	DefOwn
	DefBorrow
	DefStream
	DefFuture
	DefMap
)

// ValDef is a defined value type.
type ValDef struct {
	Kind     ValKind
	Prim     Prim     // DefPrim
	Fields   []Field  // record, tuple (names empty), variant (Type nil without payload)
	Labels   []string // flags, enum
	Elem     *ValRef  // list, option, map value; stream and future: nil when absent
	Key      *ValRef  // map
	OK, Err  *ValRef  // result
	Len      uint32   // fixed-length list
	HasLen   bool
	Resource uint32 // own, borrow: type index
}

// Field is a record field, tuple element or variant case.
type Field struct {
	Name string
	Type *ValRef
}

// FuncDef is a component function type. Results has named results only in forms that the specification dropped; the
// decoder refuses more than one.
type FuncDef struct {
	Async  bool
	Params []Field
	Result *ValRef
}

// DeclType is a component type or an instance type: declarations in order.
type DeclType struct{ Decls []Decl }

// Decl is one declaration: exactly one field is set. Import occurs in component types only.
type Decl struct {
	Pos      Pos
	CoreType *CoreType
	Type     *TypeDef
	Alias    *Alias
	Import   *Import
	Export   *ExportDecl
}

// ExportDecl declares an export of a component or instance type.
type ExportDecl struct {
	Name Name
	Desc ExternDesc
}

// ResourceDef defines a resource type. Rep is the core representation (only i32 is not gated). Dtor is a core function
// index or -1. Async and Callback belong to the gated asynchronous destructor.
type ResourceDef struct {
	Rep      CoreValType
	Dtor     int
	Async    bool
	Callback int // -1: none
}

// ExternDesc says what an import or export is.
type ExternDesc struct {
	Sort  Sort   // SortCoreModule, SortFunc, SortValue, SortType, SortComponent, SortInstance
	Index uint32 // type index: for modules, funcs, components, instances, type (eq i) and value (eq i)
	// SortType: Sub is true for (sub resource), else it is (eq Index).
	Sub bool
	// SortValue: EqValue true is (eq value Index); else Val is its type.
	EqValue bool
	Val     ValRef
}

// Import is an import of the component.
type Import struct {
	At
	Name Name
	Desc ExternDesc
}

// Export is an export of the component; Desc, when present, is the type ascribed to it.
type Export struct {
	At
	Name Name
	SortIndex
	Desc *ExternDesc
}

// Start is a start definition (gated: values).
type Start struct {
	At
	Func    uint32
	Args    []uint32
	Results uint32
}

// ValueDef is a value definition (gated).
type ValueDef struct {
	At
	Type ValRef
	Data []byte
}

// CanonOp is a canonical definition's operation, by its name in the text format.
type CanonOp string

// The operations.
const (
	OpLift                     CanonOp = "lift"
	OpLower                    CanonOp = "lower"
	OpResourceNew              CanonOp = "resource.new"
	OpResourceDrop             CanonOp = "resource.drop"
	OpResourceRep              CanonOp = "resource.rep"
	OpTaskCancel               CanonOp = "task.cancel"
	OpSubtaskCancel            CanonOp = "subtask.cancel"
	OpBackpressureSet          CanonOp = "backpressure.set"
	OpTaskReturn               CanonOp = "task.return"
	OpContextGet               CanonOp = "context.get"
	OpContextSet               CanonOp = "context.set"
	OpThreadYield              CanonOp = "thread.yield"
	OpSubtaskDrop              CanonOp = "subtask.drop"
	OpStreamNew                CanonOp = "stream.new"
	OpStreamRead               CanonOp = "stream.read"
	OpStreamWrite              CanonOp = "stream.write"
	OpStreamCancelRead         CanonOp = "stream.cancel-read"
	OpStreamCancelWrite        CanonOp = "stream.cancel-write"
	OpStreamDropReadable       CanonOp = "stream.drop-readable"
	OpStreamDropWritable       CanonOp = "stream.drop-writable"
	OpFutureNew                CanonOp = "future.new"
	OpFutureRead               CanonOp = "future.read"
	OpFutureWrite              CanonOp = "future.write"
	OpFutureCancelRead         CanonOp = "future.cancel-read"
	OpFutureCancelWrite        CanonOp = "future.cancel-write"
	OpFutureDropReadable       CanonOp = "future.drop-readable"
	OpFutureDropWritable       CanonOp = "future.drop-writable"
	OpErrorContextNew          CanonOp = "error-context.new"
	OpErrorContextDebugMessage CanonOp = "error-context.debug-message"
	OpErrorContextDrop         CanonOp = "error-context.drop"
	OpWaitableSetNew           CanonOp = "waitable-set.new"
	OpWaitableSetWait          CanonOp = "waitable-set.wait"
	OpWaitableSetPoll          CanonOp = "waitable-set.poll"
	OpWaitableSetDrop          CanonOp = "waitable-set.drop"
	OpWaitableJoin             CanonOp = "waitable.join"
	OpBackpressureInc          CanonOp = "backpressure.inc"
	OpBackpressureDec          CanonOp = "backpressure.dec"
	OpThreadIndex              CanonOp = "thread.index"
	OpThreadNewIndirect        CanonOp = "thread.new-indirect"
	OpThreadResumeLater        CanonOp = "thread.resume-later"
	OpThreadSuspend            CanonOp = "thread.suspend"
	OpThreadSuspendThenResume  CanonOp = "thread.suspend-then-resume"
	OpThreadYieldThenResume    CanonOp = "thread.yield-then-resume"
	OpThreadSuspendThenPromote CanonOp = "thread.suspend-then-promote"
	OpThreadYieldThenPromote   CanonOp = "thread.yield-then-promote"
)

// StringEncoding is the string-encoding option.
type StringEncoding uint8

// The string encodings.
const (
	UTF8 StringEncoding = iota
	UTF16
	Latin1UTF16
)

// CanonOpts are the options of a canonical definition; -1 where an index is absent.
type CanonOpts struct {
	Encoding                              StringEncoding
	HasEncoding                           bool
	Memory, Realloc, PostReturn, Callback int
	Async, AlwaysTaskReturn               bool
	CoreType                              int // gated core-type option; -1
	GC                                    bool
}

// Canon is a canonical definition. "lift" adds a component function; every other one a core function.
//
// Op is one of: lift lower resource.new resource.drop resource.rep backpressure.set
// backpressure.inc backpressure.dec task.return task.cancel context.get context.set thread.yield subtask.cancel
// subtask.drop stream.new stream.read stream.write stream.cancel-read stream.cancel-write stream.drop-readable
// stream.drop-writable future.new … future.drop-writable error-context.new error-context.debug-message
// error-context.drop waitable-set.new waitable-set.wait waitable-set.poll waitable-set.drop waitable.join
// thread.index thread.new-indirect thread.resume-later thread.suspend thread.suspend-then-resume
// thread.yield-then-resume thread.suspend-then-promote thread.yield-then-promote.
type Canon struct {
	At
	Op          CanonOp
	Func        uint32 // lift: core function; lower: component function
	Type        uint32 // lift: function type; resource.*, stream.*, future.*: type; thread.new-indirect: core type
	Opts        CanonOpts
	Result      *ValRef // task.return: nil when none
	Slot        uint32  // context.get/set: which
	SlotType    CoreValType
	Async       bool   // subtask.cancel, *.cancel-read, *.cancel-write
	Cancellable bool   // both values are accepted where the immediate exists
	Memory      uint32 // waitable-set.wait/poll
	Table       uint32 // thread.new-indirect
}
