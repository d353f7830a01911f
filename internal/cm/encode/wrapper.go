package encode

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// wrapper writes the component around an exported interface: it imports the interface's functions and types, and exports them under their names. An
// instance that is put together in place could not say that the types of its functions are those that it exports.
type wrapper struct {
	e       *encoder
	x       *export
	out     *binary.Component
	counts  map[binary.Sort]uint32
	in, ex  *typer // types as they are imported, and as they are exported
	args    []binary.Arg
	imports map[string]bool
}

func (e *encoder) wrapper(x *export, lifted []uint32) (*binary.Component, []binary.Arg) {
	w := &wrapper{e: e, x: x, out: &binary.Component{}, counts: map[binary.Sort]uint32{}, imports: map[string]bool{}}
	w.in = newTyper(w.addType, w.importType)
	w.ex = newTyper(w.addType, w.exportType)
	funcs := make([]uint32, len(x.funcs))
	for i, f := range x.funcs {
		name := w.name(strings.NewReplacer("[", "", "]", "-", ".", "-").Replace(f.Name))
		desc := binary.ExternDesc{Sort: binary.SortFunc, Index: w.in.function(f)}
		funcs[i] = w.add(binary.SortFunc, &binary.Import{Name: binary.Name{Name: name}, Desc: desc})
		w.args = append(w.args, binary.Arg{Name: name, SortIndex: binary.SortIndex{Sort: binary.SortFunc, Index: lifted[i]}})
	}
	for _, t := range x.iface.Types {
		w.ex.index(t)
	}
	for i, f := range x.funcs {
		w.add(binary.SortFunc, &binary.Export{
			Name: binary.Name{Name: f.Name}, SortIndex: binary.SortIndex{Sort: binary.SortFunc, Index: funcs[i]},
			Desc: &binary.ExternDesc{Sort: binary.SortFunc, Index: w.ex.function(f)},
		})
	}
	return w.out, w.args
}

func (w *wrapper) add(s binary.Sort, d binary.Def) uint32 {
	w.out.Defs = append(w.out.Defs, d)
	i := w.counts[s]
	w.counts[s]++
	return i
}

func (w *wrapper) addType(t *binary.TypeDef) uint32 { return w.add(binary.SortType, t) }

// name makes an import's name that is not taken.
func (w *wrapper) name(of string) string {
	name := "import-" + of
	for n := 2; w.imports[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("import-%s-x%d", of, n)
	}
	w.imports[strings.ToLower(name)] = true
	return name
}

// importType imports a type that the functions use.
func (w *wrapper) importType(t *wit.Type) uint32 {
	desc := binary.ExternDesc{Sort: binary.SortType, Sub: true}
	if t.Kind != wit.Resource {
		if t.Kind == wit.Alias && t.Elem.Name != "" {
			return w.in.index(t.Elem)
		}
		desc = binary.ExternDesc{Sort: binary.SortType, Index: w.in.base(t)}
	}
	name := w.name("type-" + t.Name)
	w.args = append(w.args, binary.Arg{Name: name, SortIndex: binary.SortIndex{Sort: binary.SortType, Index: w.e.exportTypes(w.x).index(t)}})
	return w.add(binary.SortType, &binary.Import{Name: binary.Name{Name: name}, Desc: desc})
}

// exportType exports a type of the interface under its name; what it uses of others is imported.
func (w *wrapper) exportType(t *wit.Type) uint32 {
	if t.Interface != w.x.iface {
		return w.in.index(t)
	}
	var i uint32
	if t.Kind == wit.Resource {
		i = w.in.index(t)
	} else {
		i = w.ex.base(t)
	}
	return w.add(binary.SortType, &binary.Export{Name: binary.Name{Name: t.Name}, SortIndex: binary.SortIndex{Sort: binary.SortType, Index: i}})
}
