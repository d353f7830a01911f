package app

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Stores are the backends of a plugin that grants of stores may have.
type Stores struct {
	Backends []string               // the names of those that the program has
	Types    []workload.BackendType // of those that a grant configures itself
}

// storeType returns the type of a name; nil if there is none.
func (f *Format) storeType(plugin, name string) *workload.BackendType {
	types := f.Stores[plugin].Types
	if i := slices.IndexFunc(types, func(t workload.BackendType) bool { return t.Name == name }); i >= 0 {
		return &types[i]
	}
	return nil
}

// first says whether a grant may name no backend.
func (s Stores) first() bool {
	return len(s.Backends) > 0 || slices.ContainsFunc(s.Types, func(t workload.BackendType) bool { return t.State != nil })
}

// typeNames returns the names of the types.
func (s Stores) typeNames() []string {
	var names []string
	for _, t := range s.Types {
		names = append(names, t.Name)
	}
	return names
}

// decodeStore decodes the grant of a store of a plugin.
func (d *decoder) decodeStore(n *yaml.Node, g *v1alpha1.StoreGrant, key, plugin string) {
	if n.Kind != yaml.MappingNode {
		d.failType(n, key, "a mapping")
		return
	}
	v := reflect.ValueOf(g).Elem()
	fields := fieldsOf(v.Type())
	var given []string
	d.eachPair(n, key, func(k, val *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == k.Value })
		t := d.format.storeType(plugin, k.Value)
		switch {
		case i < 0 && t == nil:
			var names []string
			for _, f := range fields {
				names = append(names, f.key)
			}
			d.failUnknownKey(k, key, append(names, d.format.Stores[plugin].typeNames()...))
		case isNull(val): // a key without a value counts as absent
		case i >= 0:
			d.decodeValue(val, v.Field(fields[i].index), join(key, k.Value), fields[i].tag)
		default:
			given = append(given, t.Name)
			g.Type, g.Config = t.Name, shortConfig(d.decodeConfig(val, t, join(key, t.Name)))
		}
	})
	if g.Backend != "" {
		given = append(given, "backend")
	}
	if len(given) > 1 {
		d.fail(n, key, "want one backend, had %s", strings.Join(given, " and "))
	}
}

// decodeConfig decodes what configures a backend, of the type's own Go type.
func (d *decoder) decodeConfig(n *yaml.Node, t *workload.BackendType, key string) any {
	config := reflect.New(reflect.TypeOf(t.Config)).Elem()
	if short := shortField(config.Type()); short != nil && n.Kind == yaml.ScalarNode {
		d.decodeValue(n, config.Field(short.index), key, short.tag)
		if n.ShortTag() == "!!str" && n.Value == "" {
			d.fail(n, key, "the text is empty; want its %s", short.key)
		}
	} else {
		d.decodeValue(n, config, key, "")
	}
	if !d.failedIn(key) && t.Check != nil {
		if at, problem := t.Check(config.Interface()); problem != "" {
			if at != "" && d.nodes[join(key, at)] != nil {
				key = join(key, at)
			}
			d.failAt(key, "%s", problem)
		}
	}
	return config.Interface()
}

// shortField is the field of a config that a text in the place of the config stands for; nil if there is none.
func shortField(t reflect.Type) *field {
	for _, f := range fieldsOf(t) {
		if f.tag.Get("short") != "" {
			return &f
		}
	}
	return nil
}

// shortConfig is a config in a document: the mapping, or a text where that says it all.
func shortConfig(config any) any {
	m := configMap(config)
	if short := shortField(reflect.TypeOf(config)); short != nil && len(m) == 1 && m[short.key] != nil {
		return m[short.key]
	}
	if m == nil {
		return map[string]any{}
	}
	return m
}

// storeSpec is the grant for a host. Its config is of the type's own Go type, its paths start from dir.
func (f *Format) storeSpec(plugin string, g v1alpha1.StoreGrant, dir string) workload.StoreGrant {
	out := workload.StoreGrant{Backend: g.Backend, Data: g.Data, Scope: g.Scope}
	if g.Backend == "" && g.Type == "" {
		f.keepInState(plugin, &out, dir)
		return out
	}
	t := f.storeType(plugin, g.Type)
	var n yaml.Node
	if t == nil || n.Encode(g.Config) != nil {
		return out
	}
	out.Type = t.Name
	config := newDecoder(f, "").decodeConfig(&n, t, "") // the document's decoder has reported the mistakes
	out.Config = mapPaths(config, func(path string) string { return resolvePath(dir, path) })
	return out
}

// keepInState gives a grant that names no backend the one that keeps data in the state folder, if the plugin has such a type.
func (f *Format) keepInState(plugin string, g *workload.StoreGrant, dir string) {
	types := f.Stores[plugin].Types
	i := slices.IndexFunc(types, func(t workload.BackendType) bool { return t.State != nil })
	if i < 0 {
		return
	}
	g.State = cmp.Or(f.State, resolvePath(dir, StateFolder))
	g.Type, g.Config = types[i].Name, types[i].State(g.State)
}

// storeOf is the grant in a document whose folder is dir; dir "" leaves paths as they are.
func storeOf(g workload.StoreGrant, dir string) v1alpha1.StoreGrant {
	out := v1alpha1.StoreGrant{Backend: g.Backend, Data: g.Data, Scope: g.Scope}
	if g.Type != "" && g.State == "" {
		out.Type = g.Type
		config := g.Config
		if dir != "" {
			config = mapPaths(config, func(path string) string { return relativeTo(dir, path) })
		}
		out.Config = shortConfig(config)
	}
	return out
}

// mapPaths is config, a struct, with f applied to its paths.
func mapPaths(config any, f func(string) string) any {
	out := reflect.New(reflect.TypeOf(config)).Elem()
	out.Set(reflect.ValueOf(config))
	mapStructPaths(out, f)
	return out.Interface()
}

func mapStructPaths(v reflect.Value, f func(string) string) {
	for _, field := range fieldsOf(v.Type()) {
		switch e := v.Field(field.index); {
		case e.Kind() == reflect.Struct:
			mapStructPaths(e, f)
		case field.tag.Get("path") != "" && e.String() != "":
			e.SetString(f(e.String()))
		}
	}
}

// storeSchema describes the grant of a store of a plugin.
func (f *Format) storeSchema(plugin string) map[string]any {
	out := f.structSchema(reflect.TypeFor[v1alpha1.StoreGrant](), "")
	properties := out["properties"].(map[string]any)
	for _, t := range f.Stores[plugin].Types {
		config := reflect.TypeOf(t.Config)
		p := f.schemaOf(config, "")
		if short := shortField(config); short != nil {
			p = map[string]any{"oneOf": []any{f.schemaOf(config.Field(short.index).Type, short.tag), p}}
		}
		p = orNull(p)
		p["description"] = t.Doc
		properties[t.Name] = p
	}
	return out
}

// checkStores reports grants of backends that the program does not have. thing is the plugin's word for a store: bucket, container.
func (d *decoder) checkStores(grants map[string]v1alpha1.StoreGrant, plugin, thing, key string) {
	known := d.format.Stores[plugin]
	for _, name := range sortedKeys(grants) {
		at := fmt.Sprintf("%s.%q", key, name)
		if name == "" {
			d.failAt(at, "a %s needs a name; the name default is for those without a grant of their own", thing)
		}
		switch backend := grants[name].Backend; {
		case grants[name].Type != "", backend == "" && known.first(), slices.Contains(known.Backends, backend), d.failedIn(at):
		case len(known.Backends) == 0 && len(known.Types) == 0:
			d.failAt(at, "this program has no backend for %s", plugin)
		case backend == "":
			d.failAt(at, "want %s", orList(known.typeNames()))
		default:
			d.suggest(d.failAt(at+".backend", "there is no backend named %q; want %s", clip(backend), orList(known.Backends)), backend, known.Backends)
		}
	}
}

// checkSecrets reports secrets that have no place, or two.
func (d *decoder) checkSecrets(secrets map[string]v1alpha1.Secret, key string) {
	for _, name := range sortedKeys(secrets) {
		at := fmt.Sprintf("%s.%q", key, name)
		s := secrets[name]
		switch {
		case d.failedIn(at):
		case name == "":
			d.failAt(at, "a secret needs a name")
		case s.Env != "" && s.File != "":
			d.failAt(at, "want env or file, had both")
		case s.Env == "" && s.File == "":
			d.failAt(at, "want the place of the secret, env or file")
		}
	}
}
