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

// Format is the manifest's format with a program's types of triggers and backends. The zero value has none.
type Format struct {
	// Triggers are the types, in the order of messages. A Config with fields that [workload.TriggerType] does not allow panics.
	Triggers []workload.TriggerType
	// Stores are the backends of stores and brokers, by plugin: keyvalue, blobstore, messaging. A Config with fields that [workload.BackendType] does not allow
	// panics.
	Stores map[string]Stores
	// State is the folder for data of grants that name no backend (workload.BackendType.State); empty: [StateFolder] in the manifest's.
	State string

	// Image finds mistakes in the reference of an image; nil: the program takes no components from registries, and images are a mistake.
	Image func(reference string) error

	unbuilt   bool // source files that a build makes need not exist
	elsewhere bool // files and folders of the host need not exist
}

// Elsewhere returns a copy for documents that are looked at, and not run here: the folders of grants need not be on this machine.
func (f *Format) Elsewhere() *Format {
	out := *f
	out.elsewhere = true
	return &out
}

// StateFolder is the name of the folder beside a manifest in which a program keeps the data of grants that name no backend.
const StateFolder = ".vitrine"

// triggerType returns the type of a name; nil if there is none.
func (f *Format) triggerType(name string) *workload.TriggerType {
	for i := range f.Triggers {
		if f.Triggers[i].Name == name {
			return &f.Triggers[i]
		}
	}
	return nil
}

// typeNames returns the types' names; without reserved, only those that this version supports.
func (f *Format) typeNames(reserved bool) []string {
	var names []string
	for _, t := range f.Triggers {
		if reserved || !t.Reserved {
			names = append(names, t.Name)
		}
	}
	return names
}

// target are the fields of every trigger's mapping: what it calls.
type target struct {
	Component v1alpha1.Name
	Chain     []v1alpha1.Name
}

const chainDoc = "Components that an event passes through before it comes to the component, the first one first; each imports and exports what the trigger calls."

// triggerStruct is the struct of the mapping below a trigger's type: the fields of its config, then the component, and the chain
// where the type has them.
func triggerStruct(kind *workload.TriggerType) reflect.Type {
	var fields []reflect.StructField
	if kind.Config != nil {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(kind.Config)) {
			f.Index, f.Offset = nil, 0
			fields = append(fields, f)
		}
	}
	required := ` required:"true"`
	if kind.Alone != nil {
		required = ""
	}
	tag := reflect.StructTag(fmt.Sprintf(`yaml:"component"%s doc:%q`, required, kind.ComponentDoc))
	fields = append(fields, reflect.StructField{Name: "Component", Type: reflect.TypeFor[v1alpha1.Name](), Tag: tag})
	if kind.Chains {
		tag = reflect.StructTag(fmt.Sprintf(`yaml:"chain" maxItems:"%d" doc:%q`, maxChain, chainDoc))
		fields = append(fields, reflect.StructField{Name: "Chain", Type: reflect.TypeFor[[]v1alpha1.Name](), Tag: tag})
	}
	return reflect.StructOf(fields)
}

// decodeTrigger decodes one trigger.
func (d *decoder) decodeTrigger(n *yaml.Node, t *v1alpha1.Trigger, key string) {
	if n.Kind != yaml.MappingNode {
		d.failType(n, key, "a mapping")
		return
	}
	var given []string
	d.eachPair(n, key, func(k, val *yaml.Node) {
		kind := d.format.triggerType(k.Value)
		if kind == nil {
			d.failUnknownKey(k, key, d.format.typeNames(false))
			return
		}
		if isNull(val) {
			return // a key without a value counts as absent
		}
		given = append(given, kind.Name)
		v := reflect.New(triggerStruct(kind)).Elem()
		d.decodeValue(val, v, join(key, kind.Name), "")
		t.Type = kind.Name
		to, config := splitTrigger(kind, v)
		t.Component, t.Chain, t.Config = to.Component, to.Chain, configMap(config)
	})
	switch wanted := d.format.typeNames(true); {
	case len(given) > 1:
		d.fail(n, key, "want %s, had %s; write a trigger for each", orList(wanted), strings.Join(given, " and "))
	case len(given) == 0 && len(wanted) == 0:
		d.fail(n, key, "this program has no triggers")
	case len(given) == 0 && !d.failedIn(key):
		d.fail(n, key, "want %s, had %s", orList(wanted), map[bool]string{true: "neither", false: "none"}[len(wanted) == 2])
	}
}

// splitTrigger splits a value of triggerStruct into what is called and config.
func splitTrigger(kind *workload.TriggerType, v reflect.Value) (to target, _ any) {
	to.Component = v.FieldByName("Component").Interface().(v1alpha1.Name)
	if kind.Chains {
		to.Chain = v.FieldByName("Chain").Interface().([]v1alpha1.Name)
	}
	if kind.Config == nil {
		return to, nil
	}
	config := reflect.New(reflect.TypeOf(kind.Config)).Elem()
	for i := range config.NumField() {
		config.Field(i).Set(v.Field(i))
	}
	return to, config.Interface()
}

// checkTriggers finds mistakes that types alone do not show.
func (d *decoder) checkTriggers(m *v1alpha1.Workload, names []string) {
	for i, t := range m.Spec.Triggers {
		kind := d.format.triggerType(t.Type)
		switch key := fmt.Sprintf("spec.triggers[%d].%s", i, t.Type); {
		case kind == nil:
		case kind.Reserved:
			d.failAt(key, "%ss are not supported by this version yet; want %s", t.Type, orList(d.format.typeNames(false)))
		default:
			d.checkAlone(kind, &m.Spec.Triggers[i], key)
			d.checkComponentName(t.Component, key+".component", names)
			for k, name := range t.Chain {
				d.checkComponentName(name, fmt.Sprintf("%s.chain[%d]", key, k), names)
			}
			d.checkChain(m, &m.Spec.Triggers[i], key+".chain")
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
		if kind.Check == nil || kind.Reserved || len(specs) == 0 {
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

// checkAlone finds a component that is missing, or that would never be called.
func (d *decoder) checkAlone(kind *workload.TriggerType, t *v1alpha1.Trigger, key string) {
	if kind.Alone == nil || d.failedIn(key) {
		return
	}
	switch alone := kind.Alone(d.format.triggerSpec(t).Config); {
	case alone && t.Component != "":
		d.failAt(key+".component", "the trigger calls no component; leave this out")
	case alone && len(t.Chain) > 0:
		d.failAt(key+".chain", "the trigger calls no component; leave this out")
	case !alone && t.Component == "":
		d.failAt(key+".component", "the key is missing")
	}
}

// triggerSpec is the trigger for a host. Its config is of the type's own Go type, without values that do not decode; a trigger
// of an unknown type has none.
func (f *Format) triggerSpec(t *v1alpha1.Trigger) workload.TriggerSpec {
	out := workload.TriggerSpec{Type: t.Type, Component: string(t.Component), Chain: plainStrings(t.Chain)}
	kind := f.triggerType(t.Type)
	if kind == nil || kind.Config == nil {
		return out
	}
	config := reflect.New(reflect.TypeOf(kind.Config)).Elem()
	var n yaml.Node
	if n.Encode(t.Config) == nil && n.Kind == yaml.MappingNode {
		newDecoder(f, "").decodeValue(&n, config, "", "") // the document's decoder has reported the mistakes
	}
	out.Config = config.Interface()
	return out
}

// triggerSchema describes an element of spec.triggers: a mapping with one of the types as its key.
func (f *Format) triggerSchema() map[string]any {
	properties := map[string]any{}
	for _, t := range f.Triggers {
		if t.Reserved {
			continue
		}
		p := f.schemaOf(triggerStruct(&t), "")
		if t.Doc != "" {
			p["description"] = t.Doc
		}
		properties[t.Name] = p
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}
}

// defaultTriggers are the triggers of a component without a manifest.
func (f *Format) defaultTriggers(name v1alpha1.Name) []v1alpha1.Trigger {
	i := slices.IndexFunc(f.Triggers, func(t workload.TriggerType) bool { return t.Default != nil && !t.Reserved })
	if i < 0 {
		return nil
	}
	return []v1alpha1.Trigger{{Type: f.Triggers[i].Name, Component: name, Config: configMap(f.Triggers[i].Default)}}
}
