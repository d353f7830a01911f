package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Part is one component of a composition.
type Part struct {
	Name      string
	Bytes     []byte
	Component *binary.Component // decoded from Bytes, and valid
	Links     map[string]int    // import, as the component names it → the part that serves it
}

// Compose writes the component that parts[0] is with what serves its imports. Parts that it does not reach are left out. allow are the
// gated features that the parts may use.
func Compose(parts []Part, o validate.Options) ([]byte, error) {
	c := &composer{parts: parts, imports: map[string]binary.SortIndex{}, served: map[string]uint32{}, busy: map[string]bool{}, instances: map[int]uint32{}, reached: make([]bool, len(parts))}
	for i := range parts {
		c.sides = append(c.sides, newSide(parts[i].Component))
	}
	c.reach(0)
	root, err := c.instantiate(0)
	if err != nil {
		return nil, err
	}
	for _, d := range parts[0].Component.Defs {
		if e, ok := d.(*binary.Export); ok {
			c.export(root, e)
		}
	}
	out, err := binary.Encode(&binary.Component{Defs: c.defs})
	if err != nil {
		return nil, err
	}
	out = append(out, c.nameSection()...)
	whole, err := binary.Decode(out)
	if err == nil {
		err = validate.Component(whole, o)
	}
	if err != nil {
		return nil, fmt.Errorf("the parts do not fit together: %w", err)
	}
	return out, nil
}

// composer emits the definitions of the whole.
type composer struct {
	parts     []Part
	sides     []*side
	defs      []binary.Def
	count     [binary.SortInstance + 1]uint32 // entries of each sort's index space
	imports   map[string]binary.SortIndex     // those of the whole
	served    map[string]uint32               // instances by which links serve imports, by part and import
	instances map[int]uint32                  // of parts
	reached   []bool                          // parts that the first one needs
	busy      map[string]bool                 // keys of what is being emitted
	named     []named
}

// reach marks a part, and those that it needs.
func (c *composer) reach(p int) {
	if c.reached[p] {
		return
	}
	c.reached[p] = true
	for _, to := range c.parts[p].Links {
		c.reach(to)
	}
}

// named is an entry that has a name.
type named struct {
	binary.SortIndex
	name string
}

// side is the index spaces of a part that types of imports refer to.
type side struct {
	types, instances []binary.Def
	emitted          map[uint32]uint32 // types in the whole
}

func newSide(c *binary.Component) *side {
	s := &side{emitted: map[uint32]uint32{}}
	for _, d := range c.Defs {
		var sort binary.Sort
		switch d := d.(type) {
		case *binary.TypeDef:
			sort = binary.SortType
		case *binary.Instance:
			sort = binary.SortInstance
		case *binary.Import:
			sort = d.Desc.Sort
		case *binary.Export:
			sort = d.Sort
		case *binary.Alias:
			sort = d.Sort
		}
		switch sort {
		case binary.SortType:
			s.types = append(s.types, d)
		case binary.SortInstance:
			s.instances = append(s.instances, d)
		}
	}
	return s
}

// emit appends a definition that adds an entry of a sort, and returns its index.
func (c *composer) emit(sort binary.Sort, d binary.Def) uint32 {
	c.defs = append(c.defs, d)
	c.count[sort]++
	return c.count[sort] - 1
}

// enter marks what is being emitted, and fails if it is already. key is for it alone; name is for people, and others may have it, too.
func (c *composer) enter(key, name string) (leave func(), err error) {
	if c.busy[key] {
		return nil, fmt.Errorf("%s needs itself: the links form a cycle", name)
	}
	c.busy[key] = true
	return func() { delete(c.busy, key) }, nil
}

// instantiate nests a part and makes its instance, after what it needs.
func (c *composer) instantiate(p int) (uint32, error) {
	if i, ok := c.instances[p]; ok {
		return i, nil
	}
	part := &c.parts[p]
	leave, err := c.enter(fmt.Sprintf("part %d", p), part.Name)
	if err != nil {
		return 0, err
	}
	defer leave()
	d := &binary.Instance{}
	for _, def := range part.Component.Defs {
		im, ok := def.(*binary.Import)
		if !ok {
			continue
		}
		arg, err := c.argument(p, im)
		if err != nil {
			return 0, fmt.Errorf("%s: import %s: %w", part.Name, im.Name.Name, err)
		}
		d.Args = append(d.Args, binary.Arg{Name: im.Name.Name, SortIndex: arg})
	}
	nested := c.emit(binary.SortComponent, &binary.NestedComponent{Component: part.Component, Bytes: part.Bytes})
	d.Component = int(nested)
	i := c.emit(binary.SortInstance, d)
	c.named = append(c.named, named{binary.SortIndex{Sort: binary.SortComponent, Index: nested}, part.Name}, named{binary.SortIndex{Sort: binary.SortInstance, Index: i}, part.Name})
	c.instances[p] = i
	return i, nil
}

// argument is what a part's import is instantiated with: the export that a link names, or an import of the whole.
func (c *composer) argument(p int, im *binary.Import) (binary.SortIndex, error) {
	if _, linked := c.parts[p].Links[im.Name.Name]; linked {
		i, err := c.link(p, im)
		return binary.SortIndex{Sort: im.Desc.Sort, Index: i}, err
	}
	return c.importOf(im.Name.Name)
}

// link is the export of another part that serves an import.
func (c *composer) link(p int, im *binary.Import) (uint32, error) {
	key := fmt.Sprintf("%d %s", p, im.Name.Name)
	if i, ok := c.served[key]; ok {
		return i, nil
	}
	target := c.parts[p].Links[im.Name.Name]
	from, err := c.instantiate(target)
	if err != nil {
		return 0, err
	}
	name, err := exportFor(im.Name.Name, c.parts[target].Component)
	if err != nil {
		return 0, fmt.Errorf("%s %w", c.parts[target].Name, err)
	}
	i := c.emit(im.Desc.Sort, &binary.Alias{Kind: binary.AliasExport, Sort: im.Desc.Sort, Instance: from, Name: name})
	c.served[key] = i
	return i, nil
}

// exportFor finds the export that serves an import: of its name, or of a version that can take its place.
func exportFor(name string, from *binary.Component) (string, error) {
	var had []string
	for _, d := range from.Defs {
		if e, ok := d.(*binary.Export); ok {
			had = append(had, e.Name.Name)
		}
	}
	if slices.Contains(had, name) {
		return name, nil
	}
	want, err := wit.ParseID(name)
	for _, n := range had {
		have, other := wit.ParseID(n)
		if err == nil && other == nil && have.Unversioned() == want.Unversioned() && wit.Compatible(want.Version, have.Version) {
			return n, nil
		}
	}
	return "", fmt.Errorf("does not export it; it exports %s", strings.Join(had, ", "))
}

// Serves says whether a component's exports can serve an import of another.
func Serves(c *binary.Component, name string) bool {
	_, err := exportFor(name, c)
	return err == nil
}

// export exports what the root's instance does.
func (c *composer) export(root uint32, e *binary.Export) {
	i := c.emit(e.Sort, &binary.Alias{Kind: binary.AliasExport, Sort: e.Sort, Instance: root, Name: e.Name.Name})
	c.emit(e.Sort, &binary.Export{Name: e.Name, SortIndex: binary.SortIndex{Sort: e.Sort, Index: i}})
}
