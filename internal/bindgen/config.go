package bindgen

import (
	"fmt"
	"slices"

	"github.com/vitrine-wasm/vitrine/wit"
)

// Binding says which WIT becomes which Go package.
type Binding struct {
	// WIT is what to bind: a package ("wasi:io@0.2.12"), all of its interfaces; or a world ("my:app/service@1.0.0"), its
	// own functions and those interfaces that no other binding has.
	WIT string
	// Path is the Go package's import path and Name its name.
	Path, Name string
	// Features are the unstable features to bind; items behind others are left out. "*" stands for all.
	Features []string
	// Lent names the functions whose implementations keep no bytes; see cm.HostDef.
	Lent map[string]bool
	// Children names the methods whose results hold a child of the method's resource; see cm.NewChild.
	Children map[string]bool
}

// has says whether an item behind g is bound.
func (b *Binding) has(g wit.Gate) bool {
	return g.Unstable == "" || slices.Contains(b.Features, g.Unstable) || slices.Contains(b.Features, "*")
}

// Generate writes the files of b, by file name. Types of WIT packages that one of others binds are imported from there;
// all other types are declared.
func Generate(set *wit.Set, b Binding, others []Binding) (map[string][]byte, error) {
	g := &generator{set: set, packages: map[*wit.Package]*goPackage{}}
	for _, o := range others {
		if o.WIT == b.WIT {
			continue
		}
		p, w, err := find(set, o.WIT)
		if err != nil {
			return nil, err
		}
		if w != nil || p == nil {
			return nil, fmt.Errorf("%s: types can be imported from the binding of a package, not of a world", o.WIT)
		}
		gp := &goPackage{Binding: o, taken: map[string]string{}}
		if err := gp.addPackage(p); err != nil {
			return nil, err
		}
		g.packages[p] = gp
	}
	p, w, err := find(set, b.WIT)
	if err != nil {
		return nil, err
	}
	g.pkg = &goPackage{Binding: b, taken: map[string]string{}}
	if w != nil {
		err = g.pkg.addWorld(w, g.packages)
	} else {
		err = g.pkg.addPackage(p)
	}
	if err != nil {
		return nil, err
	}
	return g.files()
}

// find finds a package or a world by its full name.
func find(set *wit.Set, name string) (*wit.Package, *wit.World, error) {
	for _, p := range set.Packages {
		if p.String() == name {
			return p, nil, nil
		}
	}
	id, err := wit.ParseID(name)
	if err != nil {
		return nil, nil, fmt.Errorf("package %s is not in the WIT text", name)
	}
	if w := set.World(id); w != nil {
		return nil, w, nil
	}
	return nil, nil, fmt.Errorf("world %s is not in the WIT text", name)
}
