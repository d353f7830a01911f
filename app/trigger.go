package app

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Format is the manifest's format with the types of triggers and the backends that a program ships. The zero value knows none.
type Format struct {
	// Triggers are the types, in the order in which messages name them. A config that is not as [workload.TriggerType] says is a
	// programmer's mistake: it panics.
	Triggers []workload.TriggerType
	// Backends are the names of the backends that grants may name, by the plugin that has them: keyvalue, blobstore.
	Backends map[string][]string
}

// trigger finds a type by name; nil if there is none.
func (f *Format) trigger(name string) *workload.TriggerType {
	for i := range f.Triggers {
		if f.Triggers[i].Name == name {
			return &f.Triggers[i]
		}
	}
	return nil
}

// names are the types' names: all of them, or those that this version serves.
func (f *Format) names(later bool) []string {
	var names []string
	for _, t := range f.Triggers {
		if later || !t.Later {
			names = append(names, t.Name)
		}
	}
	return names
}

// shape is the struct that the file has below a trigger's type: the fields of its config, and the component.
func shape(config any, doc string) reflect.Type {
	var fields []reflect.StructField
	if config != nil {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(config)) {
			f.Index, f.Offset = nil, 0
			fields = append(fields, f)
		}
	}
	tag := reflect.StructTag(fmt.Sprintf(`yaml:"component" required:"true" doc:%q`, doc))
	return reflect.StructOf(append(fields, reflect.StructField{Name: "Component", Type: reflect.TypeFor[v1alpha1.Name](), Tag: tag}))
}

// trigger decodes one trigger.
func (d *decoder) trigger(n *yaml.Node, t *v1alpha1.Trigger, key string) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, key, "a mapping")
		return
	}
	var given []string
	d.pairs(n, key, func(k, val *yaml.Node) {
		kind := d.format.trigger(k.Value)
		if kind == nil {
			d.unknown(k, key, d.format.names(false))
			return
		}
		if isNull(val) {
			return // as everywhere, a key without a value is a key that is not there
		}
		given = append(given, kind.Name)
		v := reflect.New(shape(kind.Config, kind.ComponentDoc)).Elem()
		d.value(val, v, join(key, kind.Name), "")
		t.Type = kind.Name
		var config any
		t.Component, config = apart(kind, v)
		t.Config = settingsOf(config)
	})
	switch wanted := d.format.names(true); {
	case len(given) > 1:
		d.fail(n, key, "want %s, had %s; write a trigger for each", orList(wanted), strings.Join(given, " and "))
	case len(given) == 0 && len(wanted) == 0:
		d.fail(n, key, "this program has no triggers")
	case len(given) == 0 && !d.failedIn(key):
		d.fail(n, key, "want %s, had %s", orList(wanted), map[bool]string{true: "neither", false: "none"}[len(wanted) == 2])
	}
}

// apart takes what has a trigger's shape apart into component and config.
func apart(kind *workload.TriggerType, v reflect.Value) (v1alpha1.Name, any) {
	name := v1alpha1.Name(v.Field(v.NumField() - 1).String())
	if kind.Config == nil {
		return name, nil
	}
	config := reflect.New(reflect.TypeOf(kind.Config)).Elem()
	for i := range config.NumField() {
		config.Field(i).Set(v.Field(i))
	}
	return name, config.Interface()
}

// triggers checks what types alone do not tell.
func (d *decoder) triggers(m *v1alpha1.Workload, names []string) {
	for i, t := range m.Spec.Triggers {
		kind := d.format.trigger(t.Type)
		switch key := fmt.Sprintf("spec.triggers[%d].%s", i, t.Type); {
		case kind == nil:
		case kind.Later:
			d.failAt(key, "%ss are not supported by this version yet; want %s", t.Type, orList(d.format.names(false)))
		default:
			d.known(t.Component, key+".component", names)
		}
	}
	for _, kind := range d.format.Triggers {
		var specs []workload.TriggerSpec
		var keys []string
		for i, t := range m.Spec.Triggers {
			if t.Type == kind.Name {
				specs = append(specs, d.format.triggerSpec(&t))
				keys = append(keys, fmt.Sprintf("spec.triggers[%d].%s", i, t.Type))
			}
		}
		if kind.Check == nil || kind.Later || len(specs) == 0 {
			continue
		}
		for _, wrong := range kind.Check(specs) {
			key := keys[wrong.Trigger]
			if wrong.Key != "" {
				key = join(key, wrong.Key)
			}
			d.failAt(key, "%s", wrong.Problem)
		}
	}
}

// triggerSpec is the trigger that a host gets: its config is of the type's own Go type, without what cannot be read as that. Of a type
// that is not known it has none.
func (f *Format) triggerSpec(t *v1alpha1.Trigger) workload.TriggerSpec {
	out := workload.TriggerSpec{Type: t.Type, Component: string(t.Component)}
	kind := f.trigger(t.Type)
	if kind == nil || kind.Config == nil {
		return out
	}
	config := reflect.New(reflect.TypeOf(kind.Config)).Elem()
	var n yaml.Node
	if n.Encode(t.Config) == nil && n.Kind == yaml.MappingNode {
		newDecoder(f, "").value(&n, config, "", "") // the document's decoder has told what is wrong
	}
	out.Config = config.Interface()
	return out
}

// schema describes a list's items: each has one of the types.
func (f *Format) triggerSchema() map[string]any {
	properties := map[string]any{}
	for _, t := range f.Triggers {
		if t.Later {
			continue
		}
		p := f.schemaOf(shape(t.Config, t.ComponentDoc), "")
		if t.Doc != "" {
			p["description"] = t.Doc
		}
		properties[t.Name] = p
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}
}

// alone are the triggers of a component that is given without a manifest.
func (f *Format) alone(name v1alpha1.Name) []v1alpha1.Trigger {
	i := slices.IndexFunc(f.Triggers, func(t workload.TriggerType) bool { return t.Alone != nil && !t.Later })
	if i < 0 {
		return nil
	}
	return []v1alpha1.Trigger{{Type: f.Triggers[i].Name, Component: name, Config: settingsOf(f.Triggers[i].Alone)}}
}
