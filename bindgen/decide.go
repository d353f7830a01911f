package bindgen

import (
	"fmt"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// decide decides the Go name of everything: types first, then the variables and functions beside them.
func (p *goPackage) decide() error {
	for _, u := range p.units {
		u.defs = map[*wit.Type]*def{}
		for _, t := range u.types {
			if t.From != nil || !p.has(t.Gate) {
				continue
			}
			d := &def{t: t, unit: u, name: exported(t.Name)}
			key := u.title
			if at := strings.IndexByte(key, '@'); at >= 0 {
				key = key[:at]
			}
			if name, ok := p.asked(key + "." + t.Name); ok {
				d.name = name
				if u.guest && p.taken[name] != "" { // both sides of an interface
					d.name = u.goName + name
				}
			} else if p.taken[d.name] != "" {
				d.name = u.goName + d.name
			}
			if err := p.take(d.name, u.title+"."+t.Name, t); err != nil {
				return err
			}
			u.defs[t] = d
		}
		u.funcs = slices.DeleteFunc(slices.Clone(u.funcs), func(f *wit.Func) bool {
			return !p.has(f.Gate) || f.Resource != nil && !p.has(f.Resource.Gate)
		})
	}
	for _, u := range p.units {
		for _, t := range u.types {
			if d := u.defs[t]; d != nil {
				if err := p.nameParts(d); err != nil {
					return err
				}
			}
		}
		if err := p.nameUnit(u); err != nil {
			return err
		}
	}
	for _, u := range p.units {
		p.nameFuncs(u)
	}
	return nil
}

// take reserves a Go name of the package. It is an error if it is taken.
func (p *goPackage) take(name, by string, at place) error {
	if !token.IsIdentifier(name) || !token.IsExported(name) {
		return at.Errorf("%s cannot be called %q in Go: want an identifier that begins with a capital", by, name)
	}
	if had := p.taken[name]; had != "" {
		return at.Errorf("%s and %s would both be called %s in Go package %s: give a type or an interface of them another Go name "+
			"(Options.Names, --name %s=NAME)", had, by, name, p.name, unversioned(by))
	}
	p.taken[name] = by
	return nil
}

// unversioned is the key in Options.Names of "a:b/c@1.0.0.d".
func unversioned(by string) string {
	iface, rest, ok := strings.Cut(by, "@")
	if !ok {
		return by
	}
	if at := strings.LastIndexByte(rest, '.'); at >= 0 && !isNumber(rest[at+1:]) {
		return iface + rest[at:]
	}
	return iface
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s[:min(1, len(s))], 10, 64)
	return err == nil
}

// private reserves a name that is not exported, with a number if it is taken.
func (p *goPackage) private(name, by string) string {
	name = unique(name, func(n string) bool { return p.taken[n] != "" || reserved[n] })
	p.taken[name] = by
	return name
}

// nameParts reserves the names that belong to a type: constants, constructors, conversions, the resource's identity.
func (p *goPackage) nameParts(d *def) error {
	names := []string{}
	switch d.t.Kind {
	case wit.Resource:
		d.typ = d.name + "Type"
		if p.taken[d.typ] != "" {
			d.typ = d.name + "ResourceType"
		}
		names = append(names, d.typ)
	case wit.Record:
		taken := map[string]bool{}
		for _, f := range d.t.Fields {
			d.parts = append(d.parts, takeUnique(exported(f.Name), taken))
		}
	case wit.Enum, wit.Flags, wit.Variant:
		names = d.nameCases()
	}
	if converts(d.t) {
		names = append(names, "Lift"+d.name, "Lower"+d.name, d.name+"WIT")
	}
	for _, n := range names {
		if err := p.take(n, d.unit.title+"."+d.t.Name, d.t); err != nil {
			return err
		}
	}
	switch d.t.Kind {
	case wit.Enum:
		d.labels = p.private(lowerFirst(d.name)+"Labels", d.name)
	case wit.Variant:
		d.labels = p.private(lowerFirst(d.name)+"TagLabels", d.name)
	}
	return nil
}

// nameCases names the cases of a variant or enum, or the labels of flags, and returns the names that they need in the package.
func (d *def) nameCases() (names []string) {
	taken, fields := map[string]bool{}, map[string]bool{"Tag": true}
	if d.t.Kind == wit.Variant {
		names = append(names, d.name+"Tag")
	}
	for _, c := range d.t.Cases {
		part := takeUnique(exported(c.Name), taken)
		d.parts = append(d.parts, part)
		if d.t.Kind != wit.Variant {
			names = append(names, d.name+part)
			continue
		}
		field := ""
		if c.Type != nil {
			if field = part; field == "Tag" {
				field = "TagValue"
			}
			field = takeUnique(field, fields)
		}
		d.fields = append(d.fields, field)
		names = append(names, d.caseFunc(part), d.name+"Tag"+part)
	}
	return names
}

// caseFunc is the function that makes a variant's case. Its name cannot be that of the tag or its constants.
func (d *def) caseFunc(part string) string {
	if strings.HasPrefix(part, "Tag") {
		return d.name + "Case" + part
	}
	return d.name + part
}

// serves says whether there is something for a host to define: functions, or resource types.
func (u *unit) serves(p *goPackage) bool {
	return len(u.funcs) > 0 || slices.ContainsFunc(u.types, func(t *wit.Type) bool { return isHandle(t) && p.has(t.Gate) })
}

// isHandle says that a type is a resource, or another name of one.
func isHandle(t *wit.Type) bool {
	r := t.Resolve()
	return r != nil && r.Kind == wit.Resource
}

// base is the unit's name as part of the names of functions that define or find it.
func (u *unit) base() string { return strings.TrimSuffix(u.goName, "Functions") }

// constructor is the function that finds an exported interface, or a world, in an instance.
func (u *unit) constructor() string {
	if u.world != nil {
		return "New" + u.name
	}
	return "New" + strings.TrimSuffix(u.name, "Export") + "Export"
}

// nameUnit reserves the names of the types and functions that hold a unit's functions.
func (p *goPackage) nameUnit(u *unit) error {
	if u.idVar != "" && p.taken[u.idVar] != u.title { // both sides of an interface share it
		if err := p.take(u.idVar, u.title, u.place); err != nil {
			return err
		}
	}
	u.parts = slices.DeleteFunc(u.parts, func(p part) bool { return p.name == "" }) // types alone
	var names []string
	if !u.guest && (u.world == nil || u.serves(p)) {
		names = append(names, "Add"+u.base())
		if len(u.funcs) > 0 {
			names = append(names, u.base()+"Funcs")
		}
	}
	if u.guest && len(u.funcs)+len(u.parts) > 0 || !u.guest && slices.ContainsFunc(u.funcs, isImpl) {
		if u.name = u.goName; p.taken[u.name] != "" {
			u.name += "Functions"
		}
		if names = append(names, u.name); u.guest {
			names = append(names, u.constructor())
		}
	}
	for _, n := range names {
		if err := p.take(n, u.title, u.place); err != nil {
			return err
		}
	}
	return nil
}

// nameFuncs names the methods of a unit's functions, and their variables.
func (p *goPackage) nameFuncs(u *unit) {
	u.methods, u.starts, u.callers, u.typeVars = map[*wit.Func]string{}, map[*wit.Func]string{}, map[*wit.Func]string{}, map[*wit.Func]string{}
	scope := map[string]bool{}
	objects := map[*wit.Type]map[string]bool{}
	for i := range u.parts {
		part := &u.parts[i]
		part.field = takeUnique(strings.TrimSuffix(part.goName, "Export"), scope)
	}
	for _, f := range u.funcs {
		in := scope
		if f.Kind == wit.Method && !u.guest {
			if in = objects[f.Resource]; in == nil {
				in = map[string]bool{"Drop": true} // an object's own
				objects[f.Resource] = in
			}
		}
		u.methods[f] = takeUnique(u.method(f), in)
	}
	for _, f := range u.funcs {
		if u.guest && f.Async {
			u.starts[f] = takeUnique("Start"+u.methods[f], scope)
		}
		if u.guest {
			u.callers[f] = takeUnique(lowerFirst(u.methods[f])+"Func", scope)
		}
		name := lowerFirst(u.goName)
		if f.Resource != nil {
			name += u.resourceName(f)
		}
		u.typeVars[f] = p.private(name+exported(f.Base)+"Func", f.Name)
	}
}

// method is the name of the Go method of a function, before numbers make it unique. A guest's methods of a resource take
// its handle as their first parameter.
func (u *unit) method(f *wit.Func) string {
	switch {
	case f.Kind == wit.Constructor:
		return "New" + u.resourceName(f)
	case f.Kind == wit.Static, f.Kind == wit.Method && u.guest:
		return u.resourceName(f) + exported(f.Base)
	}
	return exported(f.Base)
}

// resourceName is the Go name of a function's resource.
func (u *unit) resourceName(f *wit.Func) string {
	if d := u.defs[f.Resource]; d != nil {
		return d.name
	}
	return exported(f.Resource.Name)
}

// unique is name, or name with the first number from 2 that is not taken.
func unique(name string, taken func(string) bool) string {
	if !taken(name) {
		return name
	}
	for n := 2; ; n++ {
		if s := fmt.Sprintf("%s%d", name, n); !taken(s) {
			return s
		}
	}
}

// takeUnique is unique, and reserves the name.
func takeUnique(name string, taken map[string]bool) string {
	name = unique(name, func(n string) bool { return taken[n] })
	taken[name] = true
	return name
}
