package plan

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Program is a component without nesting. Everything is referred to by its index in one of these lists. A Program is immutable.
type Program struct {
	Name        string
	Modules     []Module     // core instantiations in order; the core instance that each makes has the same index
	Instances   []Instance   // component instances, outermost first in order of instantiation
	Resources   []Resource   // resource types; index is cm.ResourceType.Slot
	Funcs       []CoreFunc   // core functions that canonical definitions refer to
	Memories    []CoreItem   // memories that canonical definitions refer to
	Lifts       []Lift       // component functions made of core functions
	Trampolines []Trampoline // core functions made by canonical definitions
	Imports     []Import     // what the outermost component imports and something inside uses or names
	Exports     []Export     // what the outermost component exports
	Boundaries  []*cm.Boundary
	// Unsupported names the features that the program needs and this engine does not run, each once, in order of
	// appearance. Such a program can be inspected but not linked.
	Unsupported []string
}

// HostSource is the source of imports that trampolines serve.
const HostSource = -1

// Module is one instantiation of a core module.
type Module struct {
	Name     string // from the name section, for messages
	Bytes    []byte
	Instance int    // the component instance it belongs to
	Slots    []Slot // one for each import, in order
	Sources  []int  // core instances that serve the slots, or HostSource
}

// Slot says where one import of a module comes from.
type Slot struct {
	Source int    // index into Module.Sources
	Field  string // export name there; for HostSource the trampoline's name
}

// Instance is one component instance.
type Instance struct {
	Path   cm.Path
	Parent int // index of the instance that instantiated it; -1 for the outermost
}

// Root is the outermost instance that i is nested in.
func (p *Program) Root(i int) int {
	for p.Instances[i].Parent >= 0 {
		i = p.Instances[i].Parent
	}
	return i
}

// Nested says whether a and b are the same instance, or one is nested in the other. A call between such instances may be
// recursive and traps (CanonicalABI.md §Component Instances, call_might_be_recursive).
func (p *Program) Nested(a, b int) bool { return p.contains(a, b) || p.contains(b, a) }

func (p *Program) contains(outer, inner int) bool {
	for ; inner >= 0; inner = p.Instances[inner].Parent {
		if inner == outer {
			return true
		}
	}
	return false
}

// Resource is one resource type of the program.
type Resource struct {
	Type *cm.ResourceType
	// Imported resource types come from the host: Import is the interface and Name its name there.
	Imported bool
	Import   string // the import's name as written
	Instance int    // defined ones: the component instance that defines it
	Dtor     int    // defined ones: index into Funcs, or -1
}

// CoreItem is an export of a core instance.
type CoreItem struct {
	Module int
	Name   string
}

// CoreFunc is a core function: an export of a core instance, or (Module == HostSource) trampoline number Trampoline.
type CoreFunc struct {
	CoreItem
	Trampoline int
}

// Options are the canonical options; indices into Memories and Funcs, or -1.
type Options struct {
	Encoding                    binary.StringEncoding
	Memory, Realloc, PostReturn int
	Callback                    int
	Async                       bool
}

// Lift is a component function made of a core function.
type Lift struct {
	Instance int // the component instance that lifts
	Func     int // index into Funcs
	Type     *cm.FuncType
	Options
}

// TrampolineKind says what a trampoline does.
type TrampolineKind uint8

// The kinds of trampolines.
const (
	LowerHost TrampolineKind = iota // calls a function of the host
	LowerLift                       // calls a lifted function
	BuiltIn                         // a built-in; Op says which
)

// Trampoline is a core function that a canonical definition makes.
type Trampoline struct {
	Kind     TrampolineKind
	Op       binary.CanonOp
	Instance int          // the component instance whose canonical definition it is
	Type     *cm.FuncType // LowerHost, LowerLift
	Import   ImportRef    // LowerHost
	Lift     int          // LowerLift
	Boundary *cm.Boundary // LowerHost, LowerLift

	// Operands of built-ins.
	Resource    int      // resource.*: the slot of its type; -1 for others
	Slot        int      // context.*
	Value       *cm.Type // stream.*, future.*: that type; task.return: of the result, nil if none
	Cancellable bool     // of a built-in that waits: it returns when the task is cancelled
	Table       CoreItem // thread.new-indirect

	// Adapter says that it is descriptor.open-at as the adapter of WASI preview 1 imports it.
	Adapter bool
	Options // Async is that of built-ins, too, and Memory that of those which write events
}

// ImportRef refers to a function of an import: Imports[Import].Funcs[Func].
type ImportRef struct{ Import, Func int }

// Import is one instance that the outermost component imports, or (ID zero) one function or resource at its root.
type Import struct {
	Name      string          // as written
	ID        wit.InterfaceID // parsed
	Importer  cm.Path         // the part that imports it
	Funcs     []ImportFunc
	Resources []ImportResource
	// Same are names under which a resource type has to be there a second time.
	Same    []ImportResource
	Modules []ImportModule
	// Other is set for a kind of import that a host cannot serve: "component", "value".
	Other string
}

// ImportModule is one core module of an import.
type ImportModule struct {
	Name  string
	Bytes []byte // what the host serves; nil: nothing
	// Imports are all that the module may import, Exports what it must export.
	Imports []CoreExtern
	Exports []CoreExtern
}

// CoreExtern is an import or export of a core module, as its type says.
type CoreExtern struct {
	Module, Name string              // Module: of imports
	Func         binary.CoreFuncType // of functions
	Desc         binary.CoreExternDesc
}

// ImportFunc is one function of an import.
type ImportFunc struct {
	Name string
	Type *cm.FuncType
	Used bool // something lowers it
}

// ImportResource is one resource type of an import.
type ImportResource struct {
	Name string
	Slot int // index into Resources
}

// Export is one export of the outermost component: an interface, or (ID zero) functions at its root.
type Export struct {
	Name  string
	ID    wit.InterfaceID
	Funcs []ExportFunc
	Types []ExportType
	// Modules and Instances matter where one component's exports serve another's imports.
	Modules   []ExportModule
	Instances []Export
}

// ExportModule is one exported core module.
type ExportModule struct {
	Name  string
	Bytes []byte
}

// ExportFunc is one exported function. Lift is -1 where the component hands on a function of the host, Import.
type ExportFunc struct {
	Name     string
	Type     *cm.FuncType
	Lift     int
	Import   ImportRef
	Boundary *cm.Boundary // nil if Lift is -1
}

// ExportType is one exported type: exactly one of Type and Resource is set.
type ExportType struct {
	Name     string
	Type     *cm.Type
	Resource *cm.ResourceType
}
