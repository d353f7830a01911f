package wit

// Set holds resolved packages that refer to each other. It is immutable once resolved, and may be shared.
type Set struct {
	Packages []*Package // in order of their names, then versions
}

// Package is one WIT package.
type Package struct {
	Namespace, Name, Version string
	Docs                     string
	Interfaces               []*Interface // in order of file name, then of the text
	Worlds                   []*World
}

// String is "ns:name@version".
func (p *Package) String() string {
	s := p.Namespace + ":" + p.Name
	if p.Version != "" {
		s += "@" + p.Version
	}
	return s
}

// ID names an interface of the package.
func (p *Package) ID(iface string) InterfaceID {
	return InterfaceID{Namespace: p.Namespace, Package: p.Name, Interface: iface, Version: p.Version}
}

// Interface finds an interface by its name in the package; nil if there is none.
func (p *Package) Interface(name string) *Interface {
	for _, i := range p.Interfaces {
		if i.ID.Interface == name {
			return i
		}
	}
	return nil
}

// World finds a world by its name in the package; nil if there is none.
func (p *Package) World(name string) *World {
	for _, w := range p.Worlds {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// Package finds a package: the exact version, else the newest compatible one ([Compatible]); an empty version matches
// any. It is nil if there is none.
func (s *Set) Package(namespace, name, version string) *Package {
	var best *Package
	for _, p := range s.Packages {
		switch {
		case p.Namespace != namespace || p.Name != name:
		case p.Version == version:
			return p
		case version == "" || Compatible(version, p.Version):
			best = p // packages are in order of their versions
		}
	}
	return best
}

// Interface finds an interface by its ID, by the rule of [Set.Package]; nil if there is none.
func (s *Set) Interface(id InterfaceID) *Interface {
	p := s.Package(id.Namespace, id.Package, id.Version)
	if p == nil {
		return nil
	}
	return p.Interface(id.Interface)
}

// World finds a world as [Set.Interface] finds an interface: id.Interface is the world's name.
func (s *Set) World(id InterfaceID) *World {
	p := s.Package(id.Namespace, id.Package, id.Version)
	if p == nil {
		return nil
	}
	return p.World(id.Interface)
}

// Gate says since when, or behind which feature, an item exists (WIT.md §Feature Gates). The zero Gate gates nothing.
type Gate struct {
	Since      string // a version
	Unstable   string // a feature
	Deprecated string // a version
}

// Interface is a group of types and functions. One that a world defines inline has a plain name for an ID.
type Interface struct {
	ID      InterfaceID
	Package *Package
	Docs    string
	Gate    Gate
	Types   []*Type // named types in order of the text, those brought in by use included
	Funcs   []*Func // free functions, in order of the text; those of a resource hang on its type

	pos pos
}

// Type finds a named type; nil if there is none.
func (i *Interface) Type(name string) *Type { return findType(i.Types, name) }

func findType(ts []*Type, name string) *Type {
	for _, t := range ts {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// AllFuncs lists every function under its full name: each resource's, in the order constructor, methods, statics as
// they stand in the text, then the free ones.
func (i *Interface) AllFuncs() []*Func {
	var all []*Func
	for _, t := range i.Types {
		all = append(all, t.Funcs...)
	}
	return append(all, i.Funcs...)
}

// Kind is the kind of a Type.
type Kind uint8

// The kinds of types. Those up to ErrorContext are primitive.
const (
	Bool Kind = iota + 1
	S8
	U8
	S16
	U16
	S32
	U32
	S64
	U64
	F32
	F64
	Char
	String
	ErrorContext
	Record   // Fields
	Variant  // Cases
	Enum     // Cases without types
	Flags    // Cases without types
	Tuple    // Fields without names
	List     // Elem; Len > 0 makes it one of fixed length
	Option   // Elem
	Result   // OK and Err, each nil when absent
	Map      // Key and Elem
	Own      // Elem: a Resource, or an alias of one
	Borrow   // Elem: a Resource, or an alias of one
	Stream   // Elem, nil when absent
	Future   // Elem, nil when absent
	Resource // Funcs
	Alias    // Elem; From where use brought it in
)

var kindNames = [...]string{"", "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char",
	"string", "error-context", "record", "variant", "enum", "flags", "tuple", "list", "option", "result", "map", "own",
	"borrow", "stream", "future", "resource", "alias"}

// String is the kind's WIT keyword.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Type is a type: a named one of an interface or world, or an anonymous one inside another.
type Type struct {
	Kind      Kind
	Name      string     // empty for anonymous types
	Interface *Interface // where a named type is declared; nil for anonymous types and those of a world
	Docs      string
	Gate      Gate
	Fields    []Field
	Cases     []Case
	Elem      *Type
	Key       *Type
	OK, Err   *Type
	Len       uint32
	Funcs     []*Func
	From      *Use   // where an alias was brought in by use; nil otherwise
	External  string // the @external-id, if any

	pos pos
}

// Use says where a used type comes from, as it is written: ID's version may be older than the interface it resolves to.
type Use struct {
	ID   InterfaceID
	Name string
}

// Resolve follows aliases to the type that they stand for.
func (t *Type) Resolve() *Type {
	for t != nil && t.Kind == Alias {
		t = t.Elem
	}
	return t
}

// Field is one field of a record or, nameless, of a tuple.
type Field struct {
	Name string
	Docs string
	Type *Type
}

// Case is one case of a variant (Type may be nil), enum or flags (Type is nil).
type Case struct {
	Name string
	Docs string
	Type *Type
}

// FuncKind tells free functions from those of resources.
type FuncKind uint8

// The kinds of functions.
const (
	Free FuncKind = iota
	Constructor
	Method
	Static
)

// Func is a function.
type Func struct {
	Name     string // as in the component: "read-at", "[constructor]file", "[method]file.read", "[static]file.open"
	Base     string // the name alone; "new" for a constructor
	Kind     FuncKind
	Resource *Type // of the three kinds that have one
	Docs     string
	Gate     Gate
	Async    bool
	Params   []Field // a method's first is "self", a borrow of the resource
	Result   *Type   // nil where there is none
	External string  // the @external-id, if any

	pos pos
}

// World is what a component may import and must export.
type World struct {
	Package  *Package
	Name     string
	Docs     string
	Gate     Gate
	Types    []*Type // declared or used in the world itself
	Imports  []Extern
	Exports  []Extern
	Includes []Include // as written; what they bring is in Imports and Exports

	pos pos
}

// ID is the world's full name, in the form of an interface's.
func (w *World) ID() InterfaceID { return w.Package.ID(w.Name) }

// Extern is one import or export of a world: an interface or a function.
type Extern struct {
	// Name is a plain name, or empty for an interface under its own ID.
	Name string
	// ID is the name as a component has it: of the interface as it is written, or a plain name.
	ID        InterfaceID
	Interface *Interface
	Func      *Func
	Docs      string
	Gate      Gate
	External  string // the @external-id, if any
	Included  bool   // an include brought it
	// Implied says that nobody wrote it: some interface of the world uses types of it.
	Implied bool
}

// Include is an include statement.
type Include struct {
	World *World
	ID    InterfaceID // as written
	Gate  Gate
	With  []Rename
}

// Rename is one "a as b".
type Rename struct{ From, To string }

// Errorf makes an error about the interface: an *[Error] with its place in the text, or an ordinary error where it has none
// because no text was read for it.
func (i *Interface) Errorf(format string, args ...any) error { return i.pos.errorf(format, args...) }

// Errorf makes an error about the type, as [Interface.Errorf] does about an interface.
func (t *Type) Errorf(format string, args ...any) error { return t.pos.errorf(format, args...) }

// Errorf makes an error about the function, as [Interface.Errorf] does about an interface.
func (f *Func) Errorf(format string, args ...any) error { return f.pos.errorf(format, args...) }

// Errorf makes an error about the world, as [Interface.Errorf] does about an interface.
func (w *World) Errorf(format string, args ...any) error { return w.pos.errorf(format, args...) }
