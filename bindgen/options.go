package bindgen

import (
	"fmt"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// Options say what of a set of WIT packages to bind, and how.
type Options struct {
	// Bind is the full name of what to bind: a package ("wasi:io@0.2.12") with all of its interfaces; one interface
	// ("wasi:io/poll@0.2.12"); or a world ("my:app/service@1.0.0") with its own functions and the interfaces that Imports do not cover.
	// Without a version, or with one that the text does not have, it is the newest compatible version of the text.
	Bind string
	// Interfaces are the names of the interfaces of a package to bind; empty: all.
	Interfaces []string
	// Package is the name of the Go package.
	Package string
	// Imports are Go packages with existing bindings: their types are imported instead of declared. [Shipped] lists those of this
	// module. Where several fit, one for an interface wins over one for a package, the same version over a compatible one, an earlier one
	// over a later one. An import whose WIT package is not in the text is ignored.
	Imports []Import
	// Features are the unstable features to bind; items behind others are left out. "*" means all.
	Features []string
	// Names are Go names that replace the derived ones, by type ("my:app/types.error-code") or interface
	// ("my:app/types"), without a version.
	Names map[string]string
	// BorrowsBytes names the functions ("output-stream.write") whose Go implementations neither keep nor change the bytes of the
	// lists of u8 among their arguments: these are then views of the guest's memory, not copies. See cm.HostDef.
	BorrowsBytes []string
	// Children names the methods ("outgoing-body.write") whose results hold a child of the method's resource: the guest must drop it before
	// its parent. See cm.NewChild.
	Children []string
	// Component makes bindings for code inside a component that is built with GOOS=wasip1: it calls what a world imports, and implements what
	// the world exports. Imports must then be bindings of this kind; BorrowsBytes and Children have no effect.
	Component bool
}

// Import is a Go package that holds the binding of a WIT package, or of one interface.
type Import struct {
	WIT     string // "wasi:io@0.2.12", or "wasi:io/poll@0.2.12"; compatible versions count, too; without a version, all
	Path    string // the Go package's import path
	Package string // its name; empty: the last element of Path
	// Features and Names are those that the binding was made with.
	Features []string
	Names    map[string]string
}

// Shipped are the bindings of WASI that are part of this module: 0.2, 0.3, and the proposals that its plugins serve.
func Shipped() []Import {
	all := []Import{
		{WIT: "wasi:config@0.2.0-rc.1", Path: module + "/plugin/config/bindings"},
		{WIT: "wasi:config@0.2.0-draft-2024-09-27", Path: module + "/plugin/config/bindings/draft"},
		{WIT: "wasi:keyvalue@0.2.0-draft", Path: module + "/plugin/keyvalue/bindings"},
		{WIT: "wasi:keyvalue@0.2.0-draft2", Path: module + "/plugin/keyvalue/bindings/draft2"},
		{WIT: "wasi:blobstore@0.2.0-draft", Path: module + "/plugin/blobstore/bindings"},
		{WIT: "wasi:logging@0.1.0-draft", Path: module + "/plugin/logging/bindings"},
		{WIT: "wasi:otel@0.2.0-rc.2", Path: module + "/plugin/otel/bindings"},
	}
	features := map[string][]string{
		"clocks": {"clocks-timezone"}, "sockets": {"network-error-code"}, "http": {"informational-outbound-responses"},
	}
	for _, name := range []string{"io", "clocks", "random", "cli", "filesystem", "sockets", "http"} {
		all = append(all, Import{WIT: "wasi:" + name + "@0.2.12", Path: module + "/wasi/" + name + "/p2", Package: name + "p2", Features: features[name]})
	}
	features = map[string][]string{"clocks": {"clocks-timezone"}}
	for _, name := range []string{"clocks", "random", "cli", "filesystem", "sockets", "http"} {
		all = append(all, Import{WIT: "wasi:" + name + "@0.3.0", Path: module + "/wasi/" + name + "/p3", Package: name + "p3", Features: features[name]})
	}
	return all
}

// Generate writes a Go package: its files, by name. The same input makes the same files. An error about something in the text is (or holds,
// as errors.Join does) a *wit.Error with its place.
func Generate(set *wit.Set, o Options) (map[string][]byte, error) {
	if !token.IsIdentifier(o.Package) || o.Package == "_" || o.Package == "main" {
		return nil, fmt.Errorf("%q cannot be the name of a Go package that others import: name another one", o.Package)
	}
	t, err := find(set, o.Bind)
	if err != nil {
		return nil, err
	}
	if len(o.Interfaces) > 0 && (t.iface != nil || t.world != nil) {
		return nil, fmt.Errorf("interfaces can be chosen from a package, and %s is not one", o.Bind)
	}
	g := &generator{set: set, borrows: funcNames(o.BorrowsBytes), children: funcNames(o.Children)}
	if g.imported, err = imported(set, o.Imports, t); err != nil {
		return nil, err
	}
	g.pkg = newPackage(o.Bind, o.Package, o.Features, o.Names)
	switch {
	case t.world != nil:
		err = g.pkg.addWorld(t.world, g.imported)
	default:
		var chosen []*wit.Interface
		if chosen, err = t.interfaces(o.Interfaces); err == nil {
			err = g.pkg.addInterfaces(t.pkg, slices.DeleteFunc(chosen, func(i *wit.Interface) bool { return g.imported[i] != nil }))
		}
	}
	if err != nil {
		return nil, err
	}
	for name := range o.Names {
		if !g.pkg.renamed[name] {
			return nil, fmt.Errorf("cannot give %s the Go name %s: it is neither a type nor an interface of %s", name, o.Names[name], o.Bind)
		}
	}
	if o.Component {
		return newInsider(g).insideFiles()
	}
	files, err := g.files()
	if err != nil {
		return nil, err
	}
	for _, f := range slices.Concat(o.BorrowsBytes, o.Children) {
		if !g.bound[funcName(f)] {
			return nil, fmt.Errorf("%s is not a function of %s that a host serves", f, o.Bind)
		}
	}
	return files, nil
}

// target is a part of a set: a package, or an interface or world of it.
type target struct {
	pkg   *wit.Package
	iface *wit.Interface
	world *wit.World
}

var fullName = regexp.MustCompile(`^([^:/@]+):([^:/@]+)(?:/([^:/@]+))?(?:@(.+))?$`)

// find finds the package, interface or world with a full name.
func find(set *wit.Set, name string) (t target, err error) {
	m := fullName.FindStringSubmatch(name)
	if m == nil && name == "" {
		return t, fmt.Errorf("say what to bind (Options.Bind, --bind): the WIT text has %s", listing(set))
	}
	if m == nil {
		return t, fmt.Errorf("%q: want the name of a package (ns:name@version), an interface or a world (ns:name/item@version); the WIT text has %s", name, listing(set))
	}
	t.pkg = set.Package(m[1], m[2], m[4])
	if t.pkg == nil {
		return t, fmt.Errorf("%s is not in the WIT text, which has %s", name, listing(set))
	}
	if m[3] == "" {
		return t, nil
	}
	t.iface, t.world = t.pkg.Interface(m[3]), t.pkg.World(m[3])
	if t.iface == nil && t.world == nil {
		return t, fmt.Errorf("%s: package %s has no interface and no world %q", name, t.pkg, m[3])
	}
	return t, nil
}

// listing names packages and worlds for a message.
func listing(set *wit.Set) string {
	var packages, worlds []string
	for _, p := range set.Packages {
		packages = append(packages, p.String())
		for _, w := range p.Worlds {
			worlds = append(worlds, w.ID().String())
		}
	}
	list := func(what string, names []string) string {
		const most = 8
		if len(names) > most {
			names = append(names[:most:most], fmt.Sprintf("%d more", len(names)-most))
		}
		return what + " " + strings.Join(names, ", ")
	}
	switch {
	case len(packages) == 0:
		return "no package"
	case len(worlds) == 0:
		return list("packages", packages)
	}
	return list("packages", packages) + " and " + list("worlds", worlds)
}

// interfaces returns the target's interfaces; of a package those with the given names, or all.
func (t target) interfaces(names []string) ([]*wit.Interface, error) {
	if t.iface != nil {
		return []*wit.Interface{t.iface}, nil
	}
	if len(names) == 0 {
		return slices.Clone(t.pkg.Interfaces), nil
	}
	var chosen []*wit.Interface
	for _, n := range names {
		i := t.pkg.Interface(n)
		if i == nil {
			return nil, fmt.Errorf("package %s has no interface %q", t.pkg, n)
		}
		if !slices.Contains(chosen, i) {
			chosen = append(chosen, i)
		}
	}
	return chosen, nil
}

// imported finds the Go packages of interfaces that have bindings. The package that is being bound is not among them, except for an
// interface that an import names.
func imported(set *wit.Set, imports []Import, t target) (map[*wit.Interface]*goPackage, error) {
	found := map[*wit.Interface]*goPackage{}
	rank := map[*wit.Interface]int{}
	for _, im := range imports {
		m := fullName.FindStringSubmatch(im.WIT)
		if m == nil {
			return nil, fmt.Errorf("import of %q: want the name of a package (ns:name@version) or of an interface (ns:name/interface@version)", im.WIT)
		}
		name := im.Package
		if name == "" {
			name = path.Base(im.Path)
		}
		if !token.IsIdentifier(name) || name == "_" || im.Path == "" {
			return nil, fmt.Errorf("import of %s: %q of %q cannot be the name of a Go package: say its name", im.WIT, name, im.Path)
		}
		for _, p := range set.Packages {
			if p.Namespace != m[1] || p.Name != m[2] || m[4] != "" && !wit.Compatible(m[4], p.Version) {
				continue
			}
			one := target{pkg: p}
			r := 1
			if m[3] != "" {
				if p.World(m[3]) != nil {
					return nil, fmt.Errorf("import of %s: types are imported from the binding of a package or an interface, and that is a world", im.WIT)
				}
				if one.iface = p.Interface(m[3]); one.iface == nil {
					continue
				}
				r += 2
			} else if t.world == nil && p == t.pkg && t.iface == nil {
				continue // its own binding
			}
			if m[4] == p.Version {
				r++
			}
			gp := newPackage(im.WIT, name, im.Features, im.Names)
			gp.path = im.Path
			chosen, err := one.interfaces(nil)
			if err == nil {
				err = gp.addInterfaces(p, chosen)
			}
			if err != nil {
				return nil, fmt.Errorf("import of %s: %w", im.WIT, err)
			}
			for _, i := range chosen {
				if r > rank[i] && i != t.iface {
					found[i], rank[i] = gp, r
				}
			}
		}
	}
	return found, nil
}

// funcNames is the set of the names that functions have in a component; see funcName.
func funcNames(names []string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[funcName(n)] = true
	}
	return set
}

// funcName is "[method]r.f" for "r.f", and every other name as it is.
func funcName(name string) string {
	if strings.Contains(name, ".") && !strings.HasPrefix(name, "[") {
		return "[method]" + name
	}
	return name
}
