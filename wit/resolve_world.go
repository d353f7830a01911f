package wit

// worldBodies fills in the imports and exports of every world.
func (r *resolver) worldBodies() error {
	for _, p := range r.set.Packages {
		for _, w := range p.Worlds {
			if err := r.world(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// world fills in one world: what it says itself, then what its includes bring, then what its interfaces imply.
func (r *resolver) world(w *World) error {
	ws := r.worlds[w]
	switch ws.state {
	case 1:
		return ws.decl.pos.errorf("world '%s' includes itself", w.Name)
	case 2:
		return nil
	}
	ws.state = 1
	for i := range ws.decl.externs {
		if err := r.extern(w, ws, &ws.decl.externs[i]); err != nil {
			return err
		}
	}
	for i := range ws.decl.includes {
		if err := r.include(w, ws, &ws.decl.includes[i]); err != nil {
			return err
		}
	}
	w.imply()
	ws.state = 2
	return nil
}

// extern adds one import or export as written.
func (r *resolver) extern(w *World, ws *worldScope, d *externDecl) error {
	e := Extern{Name: d.name, Docs: d.docs, Gate: d.gate, External: d.external}
	if d.name != "" {
		e.ID = InterfaceID{Interface: d.name}
	}
	var err error
	switch {
	case d.fn != nil:
		e.Func, err = ws.fn(d.fn)
	case d.iface != nil:
		e.Interface, err = r.inline(d, ws.file)
	default:
		var id InterfaceID
		e.Interface, id, err = r.lookupInterface(ws.file, *d.path)
		if d.name == "" {
			e.ID = id
		}
	}
	if err != nil {
		return err
	}
	list := &w.Imports
	if d.export {
		list = &w.Exports
	}
	if had := find(*list, e.ID); had != nil {
		return d.pos.errorf("'%s' is there already", e.ID)
	}
	*list = append(*list, e)
	return nil
}

// inline resolves an interface that is written inside a world: by the same steps as any other, for it alone.
func (r *resolver) inline(d *externDecl, fs *fileScope) (*Interface, error) {
	alone := &resolver{set: r.set, pkgs: r.pkgs, ifaces: r.ifaces, worlds: r.worlds}
	i, err := alone.declareInterface(d.iface, fs, InterfaceID{Interface: d.name})
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{alone.uses, alone.aliases, alone.bodies, alone.recursion} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func find(es []Extern, id InterfaceID) *Extern {
	for i := range es {
		if es[i].ID == id {
			return &es[i]
		}
	}
	return nil
}

// include adds what another world imports and exports (WIT.md §Union of Worlds with include).
func (r *resolver) include(w *World, ws *worldScope, d *includeDecl) error {
	item, id, err := r.lookup(ws.file, d.path)
	if err != nil {
		return err
	}
	other, ok := item.(*World)
	if !ok {
		return d.path.pos.errorf("'%s' is an interface, want a world", d.path)
	}
	if err := r.world(other); err != nil {
		return err
	}
	w.Includes = append(w.Includes, Include{World: other, ID: id, Gate: d.gate, With: d.with})
	renamed := map[string]string{}
	for _, with := range d.with {
		if find(other.Imports, InterfaceID{Interface: with.From}) == nil && find(other.Exports, InterfaceID{Interface: with.From}) == nil {
			return d.path.pos.errorf("world '%s' has no plain name '%s' to rename", d.path, with.From)
		}
		renamed[with.From] = with.To
	}
	merge := func(into *[]Extern, from []Extern) error {
		for _, e := range from {
			if to, ok := renamed[e.Name]; ok && e.Name != "" {
				e.Name, e.ID.Interface = to, to
			}
			e.Included = true
			had := find(*into, e.ID)
			switch {
			case had == nil:
				*into = append(*into, e)
			case e.Name != "":
				return d.path.pos.errorf("'%s' of world '%s' is there already: rename it with 'with'", e.Name, d.path)
			case had.Implied && !e.Implied:
				*had = e
			}
		}
		return nil
	}
	if err := merge(&w.Imports, other.Imports); err != nil {
		return err
	}
	if err := merge(&w.Exports, other.Exports); err != nil {
		return err
	}
	for _, t := range other.Types {
		if findType(w.Types, t.Name) == nil && t.From != nil {
			included := *t
			w.Types = append(w.Types, &included)
		}
	}
	return nil
}

// imply adds the imports that follow from others: an interface whose types another one uses. What an export uses is
// taken from an export if there is one, and imported otherwise.
func (w *World) imply() {
	done := map[*Interface]bool{}
	var add func(ts []*Type, exported bool)
	add = func(ts []*Type, exported bool) {
		for _, t := range ts {
			if t.From == nil || t.Elem.Interface == nil {
				continue
			}
			i := t.Elem.Interface
			if done[i] || exported && find(w.Exports, i.ID) != nil || w.imports(i) {
				continue
			}
			done[i] = true
			add(i.Types, false)
			w.Imports = append(w.Imports, Extern{ID: i.ID, Interface: i, Implied: true})
		}
	}
	add(w.Types, false)
	for _, e := range w.Imports {
		if e.Interface != nil {
			add(e.Interface.Types, false)
		}
	}
	for _, e := range w.Exports {
		if e.Interface != nil {
			add(e.Interface.Types, true)
		}
	}
}

// imports says that w imports i under its own name, in whatever version it was written.
func (w *World) imports(i *Interface) bool {
	for _, e := range w.Imports {
		if e.Interface == i && e.Name == "" {
			return true
		}
	}
	return false
}
