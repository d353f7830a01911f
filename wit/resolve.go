package wit

import (
	"cmp"
	"slices"
	"strings"
)

// Resolve parses and resolves packages. Each group of sources is one package (besides those nested in its text); the
// groups may refer to each other in any order. The first error ends it; errors in the text are an *[Error].
//
// A reference to a version that is not there finds the newest compatible one.
func Resolve(groups ...[]Source) (*Set, error) {
	r := &resolver{set: &Set{}, pkgs: map[*Package]*pkgScope{}, ifaces: map[*Interface]*ifaceScope{}, worlds: map[*World]*worldScope{}}
	for _, g := range groups {
		if err := r.group(g); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.set.Packages, comparePackages)
	for _, step := range []func() error{r.uses, r.cycles, r.aliases, r.bodies, r.recursion, r.worldBodies} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.set, nil
}

// resolver turns syntax into a Set, in steps over all packages: names, uses, aliases, bodies, worlds. After each step
// the next may rely on it everywhere, so that the order of texts does not matter.
type resolver struct {
	set    *Set
	pkgs   map[*Package]*pkgScope
	ifaces map[*Interface]*ifaceScope
	worlds map[*World]*worldScope
	order  []scope // every interface and world, in order of appearance
}

// pkgScope is what a package's names stand for.
type pkgScope struct {
	pos   pos
	text  string         // all its sources, to recognise the same package given twice
	items map[string]any // *Interface or *World
}

// fileScope is what bare names in one file stand for.
type fileScope struct {
	pkg  *Package
	uses map[string]usePath
}

// typeScope is what type names in one interface or world stand for.
type typeScope struct {
	file  *fileScope
	iface *Interface // nil in a world
	types map[string]*Type
	decls map[*Type]*typeDecl
	uses  map[*Type]*useRef
}

// useRef is one used name, before it is linked.
type useRef struct {
	pos  pos
	path usePath
	name string
}

type scope struct {
	*typeScope
	ifaceDecl *ifaceDecl
	self      *Interface
}

type ifaceScope struct {
	typeScope
	decl *ifaceDecl
}

type worldScope struct {
	typeScope
	decl  *worldDecl
	state int // 0: not yet, 1: under way, 2: done
}

// comparePackages orders packages by name, then by version as versions go.
func comparePackages(a, b *Package) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), CompareVersions(a.Version, b.Version))
}

// group reads the sources of one package.
func (r *resolver) group(srcs []Source) error {
	var files []*file
	var decl *packageDecl
	var text strings.Builder
	for i := range srcs {
		f, err := parse(&srcs[i])
		if err != nil {
			return err
		}
		files = append(files, f)
		text.WriteString(srcs[i].Text)
		switch {
		case f.pkg == nil:
		case decl == nil:
			decl = f.pkg
		case f.pkg.ns != decl.ns || f.pkg.name != decl.name || f.pkg.version != decl.version:
			return f.pkg.pos.errorf("package %s: the files beside it say package %s", f.pkg, decl)
		case decl.docs == "":
			decl.docs = f.pkg.docs
		}
	}
	for _, f := range files {
		for _, n := range f.nested {
			if err := r.declare(&n.decl, "", []*items{&n.items}); err != nil {
				return err
			}
		}
	}
	var all []*items
	for _, f := range files {
		if decl == nil && len(f.items.ifaces)+len(f.items.worlds) > 0 {
			return pos{f.src, 0}.errorf("no file names the package: want 'package ns:name;'")
		}
		all = append(all, &f.items)
	}
	if decl == nil {
		return nil
	}
	return r.declare(decl, text.String(), all)
}

// String spells the package's name.
func (d *packageDecl) String() string {
	return (&Package{Namespace: d.ns, Name: d.name, Version: d.version}).String()
}

// declare makes a package and the names in it. The same text given twice counts once.
func (r *resolver) declare(d *packageDecl, text string, files []*items) error {
	for _, p := range r.set.Packages {
		if p.Namespace == d.ns && p.Name == d.name && p.Version == d.version {
			if text != "" && r.pkgs[p].text == text {
				return nil
			}
			return d.pos.errorf("package %s is defined twice", d)
		}
	}
	p := &Package{Namespace: d.ns, Name: d.name, Version: d.version, Docs: d.docs}
	ps := &pkgScope{pos: d.pos, text: text, items: map[string]any{}}
	r.set.Packages = append(r.set.Packages, p)
	r.pkgs[p] = ps
	for _, f := range files {
		fs := &fileScope{pkg: p, uses: map[string]usePath{}}
		for _, u := range f.uses {
			if _, ok := fs.uses[u.as]; ok {
				return u.path.pos.errorf("'%s' is used twice in this file", u.as)
			}
			fs.uses[u.as] = u.path
		}
		for _, d := range f.ifaces {
			if ps.items[d.name] != nil {
				return d.pos.errorf("'%s' is defined twice in package %s", d.name, p)
			}
			i, err := r.declareInterface(d, fs, p.ID(d.name))
			if err != nil {
				return err
			}
			ps.items[d.name] = i
			p.Interfaces = append(p.Interfaces, i)
		}
		for _, d := range f.worlds {
			if ps.items[d.name] != nil {
				return d.pos.errorf("'%s' is defined twice in package %s", d.name, p)
			}
			w := &World{Package: p, Name: d.name, Docs: d.docs, Gate: d.gate, pos: d.pos}
			ws := &worldScope{decl: d, typeScope: typeScope{file: fs}}
			var err error
			if w.Types, err = ws.declare(d.uses, d.types); err != nil {
				return err
			}
			ps.items[d.name], r.worlds[w] = w, ws
			p.Worlds = append(p.Worlds, w)
			r.order = append(r.order, scope{typeScope: &ws.typeScope})
		}
	}
	return nil
}

// declareInterface makes an interface and the names of its types.
func (r *resolver) declareInterface(d *ifaceDecl, fs *fileScope, id InterfaceID) (*Interface, error) {
	i := &Interface{ID: id, Package: fs.pkg, Docs: d.docs, Gate: d.gate, pos: d.pos}
	is := &ifaceScope{decl: d, typeScope: typeScope{file: fs, iface: i}}
	var err error
	i.Types, err = is.declare(d.uses, d.types)
	r.ifaces[i] = is
	r.order = append(r.order, scope{typeScope: &is.typeScope, ifaceDecl: d, self: i})
	return i, err
}

// declare makes the named types of an interface or world, empty as yet.
func (s *typeScope) declare(uses []useDecl, types []*typeDecl) (all []*Type, err error) {
	s.types, s.decls, s.uses = map[string]*Type{}, map[*Type]*typeDecl{}, map[*Type]*useRef{}
	add := func(p pos, t *Type) error {
		if s.types[t.Name] != nil {
			return p.errorf("'%s' is defined twice", t.Name)
		}
		t.pos, t.Interface = p, s.iface
		s.types[t.Name] = t
		all = append(all, t)
		return nil
	}
	for _, u := range uses {
		for _, n := range u.names {
			t := &Type{Kind: Alias, Name: n.as, Docs: u.docs, Gate: u.gate}
			if err := add(n.pos, t); err != nil {
				return nil, err
			}
			s.uses[t] = &useRef{pos: n.pos, path: u.path, name: n.name}
		}
	}
	for _, d := range types {
		t := &Type{Kind: d.kind, Name: d.name, Docs: d.docs, Gate: d.gate, External: d.external}
		if err := add(d.pos, t); err != nil {
			return nil, err
		}
		s.decls[t] = d
	}
	return all, nil
}

// lookup finds what a path stands for in a file: an *Interface or a *World, and its ID as it is written.
func (r *resolver) lookup(fs *fileScope, u usePath) (any, InterfaceID, error) {
	at := u.pos
	if u.ns == "" {
		if used, ok := fs.uses[u.name]; ok && (used.ns != "" || used.name != u.name) {
			u = used
		}
	}
	p, id := fs.pkg, fs.pkg.ID(u.name)
	if u.ns != "" {
		id = InterfaceID{Namespace: u.ns, Package: u.pkg, Interface: u.name, Version: u.version}
		switch p = r.set.Package(u.ns, u.pkg, u.version); {
		case p == nil && r.other(u):
			return nil, id, at.errorf("package %s:%s is here in other versions, none of which serves %s", u.ns, u.pkg, u.version)
		case p == nil:
			return nil, id, at.errorf("package of %s is not here", u)
		}
		if id.Version == "" {
			id.Version = p.Version
		}
	}
	item := r.pkgs[p].items[u.name]
	if item == nil {
		return nil, id, at.errorf("package %s has no interface or world '%s'", p, u.name)
	}
	return item, id, nil
}

// other says that the package of u is there in some version.
func (r *resolver) other(u usePath) bool { return r.set.Package(u.ns, u.pkg, "") != nil }

// lookupInterface is lookup for an interface.
func (r *resolver) lookupInterface(fs *fileScope, u usePath) (*Interface, InterfaceID, error) {
	item, id, err := r.lookup(fs, u)
	if err != nil {
		return nil, id, err
	}
	i, ok := item.(*Interface)
	if !ok {
		return nil, id, u.pos.errorf("'%s' is a world, want an interface", u)
	}
	return i, id, nil
}

// uses links each used name to the type that it names. The target may itself be a used name.
func (r *resolver) uses() error {
	for n := 0; n < len(r.order); n++ {
		s := r.order[n]
		for _, name := range sortedNames(s.types) {
			t := s.types[name]
			ref := s.typeScope.uses[t]
			if ref == nil {
				continue
			}
			i, id, err := r.lookupInterface(s.file, ref.path)
			if err != nil {
				return err
			}
			if t.Elem = r.ifaces[i].types[ref.name]; t.Elem == nil {
				return ref.pos.errorf("interface %s has no type '%s'", i.ID, ref.name)
			}
			t.From = &Use{ID: id, Name: ref.name}
		}
	}
	return nil
}

// cycles finds interfaces that use each other in a circle.
func (r *resolver) cycles() error {
	state := map[*Interface]int{} // 1: under way, 2: done
	var visit func(i *Interface) error
	visit = func(i *Interface) error {
		state[i] = 1
		for _, t := range i.Types {
			if t.From == nil {
				continue
			}
			switch j := t.Elem.Interface; state[j] {
			case 0:
				if err := visit(j); err != nil {
					return err
				}
			case 1:
				return t.pos.errorf("interfaces %s and %s use each other", i.ID, j.ID)
			}
		}
		state[i] = 2
		return nil
	}
	for _, s := range r.order {
		if s.self != nil && state[s.self] == 0 {
			if err := visit(s.self); err != nil {
				return err
			}
		}
	}
	return nil
}

// aliases links "type a = b" and finds aliases that lead to themselves.
func (r *resolver) aliases() error {
	for _, s := range r.order {
		for _, name := range sortedNames(s.types) {
			t := s.types[name]
			d := s.decls[t]
			if t.Kind != Alias || d == nil || d.alias.kind != 0 {
				continue
			}
			if t.Elem = s.types[d.alias.name]; t.Elem == nil {
				return d.alias.pos.errorf("type '%s' is not defined", d.alias.name)
			}
		}
	}
	for _, s := range r.order {
		for _, name := range sortedNames(s.types) {
			t := s.types[name]
			seen := map[*Type]bool{}
			for a := t; a != nil && a.Kind == Alias; a = a.Elem {
				if seen[a] {
					return t.pos.errorf("type '%s' refers to itself", t.Name)
				}
				seen[a] = true
			}
		}
	}
	return nil
}

func sortedNames(m map[string]*Type) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
