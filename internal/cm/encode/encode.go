package encode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Options say what the names of a module mean.
type Options struct {
	// Set has the WIT of every interface that the module names, and of WASI 0.2 if the module speaks WASI 0.1.
	Set *wit.Set
	// World is what the component has to export, and says what plain names mean. What the module imports besides is imported all the same. Nil: what
	// the module's names say, which then have to be those of interfaces.
	World *wit.World
}

// Component makes a component of a core module. It is valid: a module whose functions have other types than the WIT says is an error. Errors name what of the
// module does not fit. No module makes it panic; the set and the world have to be resolved ones.
func Component(wasm []byte, o Options) ([]byte, error) {
	if _, err := binary.Decode(wasm); err == nil {
		return nil, errors.New("this is a component already")
	}
	module, err := binary.DecodeModule(wasm, 0)
	if err != nil {
		return nil, err
	}
	e := &encoder{
		Options: o, main: side{module: module, wasm: wasm}, shapes: shapes{}, counts: map[binary.Sort]uint32{}, out: &binary.Component{},
		instances: map[*wit.Interface]uint32{}, exported: map[*wit.Interface]uint32{}, resources: map[*wit.Type]uint32{}, destructors: map[*wit.Type]int{}, aliases: map[alias]uint32{},
		asked: map[*wit.Interface]string{}, homes: map[*wit.Func]*wit.Interface{}, worldFuncs: map[*wit.Func]uint32{},
	}
	e.imported = needed{funcs: map[*wit.Func]bool{}, types: map[*wit.Type]bool{}, seen: map[*wit.Type]bool{}}
	e.types = newTyper(e.addType, e.declare)
	if err := e.encode(); err != nil {
		return nil, err
	}
	out, err := binary.Encode(e.out)
	if err != nil {
		return nil, err
	}
	return out, check(out)
}

// check says why a component is invalid: that its module has other types than the WIT, since all else is this package's.
func check(out []byte) error {
	c, err := binary.Decode(out)
	if err == nil {
		err = validate.Component(c, validate.Options{})
	}
	if err != nil {
		return fmt.Errorf("the module does not fit the WIT by which its imports and exports are named: %w", err)
	}
	return nil
}

// side is a module and the instance that is made of it.
type side struct {
	module   *binary.Module
	wasm     []byte
	wants    []want
	instance uint32
	// memory and realloc are what lowered functions of its imports use; -1 where it has none. For the module itself they are known when its instance is made.
	memory, realloc int
}

// alias is an export of a core instance.
type alias struct {
	instance uint32
	sort     binary.Sort
	name     string
}

// encoder makes one component.
type encoder struct {
	Options
	main     side
	adapter  *side
	exports  []export
	shapes   shapes
	imported needed
	slots    slots
	filled   []func() (uint32, error) // what goes into each slot, when the module's instance is there
	// asked is the version of each interface that the module names.
	asked map[*wit.Interface]string
	// homes are the interfaces of functions; worldFuncs the indices of imported functions.
	homes      map[*wit.Func]*wit.Interface
	worldFuncs map[*wit.Func]uint32

	out     *binary.Component
	counts  map[binary.Sort]uint32
	types   *typer // of the component, of its imports
	aliases map[alias]uint32
	// instances are the imported interfaces, exported those that have been exported, resources those that the module implements.
	instances, exported map[*wit.Interface]uint32
	resources           map[*wit.Type]uint32
	destructors         map[*wit.Type]int // their slots
	shimmed             uint32            // the instance of the slots' module
}

// add appends a definition, and gives its index.
func (e *encoder) add(s binary.Sort, d binary.Def) uint32 {
	e.out.Defs = append(e.out.Defs, d)
	i := e.counts[s]
	e.counts[s]++
	return i
}

func (e *encoder) addType(t *binary.TypeDef) uint32 { return e.add(binary.SortType, t) }

func (e *encoder) addModule(wasm []byte) int {
	return int(e.add(binary.SortCoreModule, &binary.CoreModule{Bytes: wasm}))
}

// coreExport is an export of a core instance.
func (e *encoder) coreExport(instance uint32, s binary.Sort, name string) uint32 {
	key := alias{instance, s, name}
	i, ok := e.aliases[key]
	if !ok {
		i = e.add(s, &binary.Alias{Kind: binary.AliasCoreExport, Sort: s, Instance: instance, Name: name})
		e.aliases[key] = i
	}
	return i
}

func (e *encoder) encode() error {
	if err := e.readExports(); err != nil {
		return err
	}
	if err := e.readImports(); err != nil {
		return err
	}
	if err := e.importAll(); err != nil {
		return err
	}
	main := e.addModule(e.main.wasm)
	if err := e.instantiate(main); err != nil {
		return err
	}
	for _, x := range e.ordered() {
		if err := e.export(x); err != nil {
			return err
		}
	}
	return nil
}

// instantiate makes the module's instance and all that it is made of.
func (e *encoder) instantiate(main int) error {
	e.reserve()
	if len(e.slots.types) > 0 {
		shim := e.addModule(e.slots.shim())
		e.shimmed = e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: shim})
	}
	e.makeResources()
	args, err := e.arguments(&e.main)
	if err != nil {
		return err
	}
	e.main.instance = e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: main, Args: args})
	if memory, ok := e.main.find(binary.SortCoreMemory, "memory"); ok {
		e.main.memory = int(e.coreExport(e.main.instance, binary.SortCoreMemory, memory))
	}
	if realloc, ok := e.main.find(binary.SortCoreFunc, "cabi_realloc"); ok {
		e.main.realloc = int(e.coreExport(e.main.instance, binary.SortCoreFunc, realloc))
	}
	if err := e.makeAdapter(); err != nil {
		return err
	}
	if err := e.fill(); err != nil {
		return err
	}
	if _, ok := e.main.find(binary.SortCoreFunc, "_initialize"); ok {
		e.start(e.coreExport(e.main.instance, binary.SortCoreFunc, "_initialize"))
	}
	return nil
}

// start has a core function called while the component is made.
func (e *encoder) start(f uint32) {
	with := e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: -1, Exports: []binary.CoreInlineExport{
		{SortIndex: binary.SortIndex{Sort: binary.SortCoreFunc, Index: f}},
	}})
	e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: e.addModule(starter()), Args: []binary.CoreArg{{Instance: with}}})
}

// fill puts what the slots are for into the table.
func (e *encoder) fill() error {
	if len(e.filled) == 0 {
		return nil
	}
	with := &binary.CoreInstance{Module: -1}
	for i, make := range e.filled {
		f, err := make()
		if err != nil {
			return err
		}
		with.Exports = append(with.Exports, binary.CoreInlineExport{Name: fmt.Sprint(i), SortIndex: binary.SortIndex{Sort: binary.SortCoreFunc, Index: f}})
	}
	table := e.coreExport(e.shimmed, binary.SortCoreTable, imports)
	with.Exports = append(with.Exports, binary.CoreInlineExport{Name: imports, SortIndex: binary.SortIndex{Sort: binary.SortCoreTable, Index: table}})
	args := e.add(binary.SortCoreInstance, with)
	e.add(binary.SortCoreInstance, &binary.CoreInstance{Module: e.addModule(e.slots.fixup()), Args: []binary.CoreArg{{Instance: args}}})
	return nil
}

// find is the export of a module with one of the names that it may have.
func (s *side) find(sort binary.Sort, name string) (string, bool) {
	ok := slices.ContainsFunc(s.module.Exports, func(x binary.ModuleExport) bool { return x.Name == name && x.Sort == sort })
	return name, ok
}

// signature is the core type of a function of the module.
func (s *side) signature(typ uint32) (signature, error) {
	if int(typ) >= len(s.module.Types) || s.module.Types[typ].Func == nil {
		return "", fmt.Errorf("the module has a function of type %d, which is no function type", typ)
	}
	return signatureOf(s.module.Types[typ].Func), nil
}
