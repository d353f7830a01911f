package v1alpha1

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzDocument reads any text as JSON: a complete document survives writing and reading as JSON and as YAML.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		`{"apiVersion":"vitrine.dev/v1alpha1","kind":"Workload","metadata":{"name":"a","labels":{"b":"c"}},"spec":{"components":[{"name":"a","source":{"file":"x"}}]}}`,
		`{"spec":{"components":[{"limits":{"memory":1048576,"fuel":"2G","deadline":"1.5h"},"instances":{"ready":0,"idle":"5s"},"grants":{"http":["https://A/"],"sockets":{"listen":["*"]}}}]}}`,
		`{"spec":{"triggers":[{"http":{"component":"a","path":"/","n":1e3,"big":9007199254740993,"l":[null,true,{"x":[]}]}},{"t":{"component":"b"}}]}}`,
		`{"spec":{"triggers":[{"":{"component":"a","component ":"","2026-01-01":"2026-01-01","~":"~","x":"1e3","y":"\u0000"}}]}}`,
		`{"spec":{"triggers":[{}]}}`, `{"spec":{"triggers":[{"http":{"path":"/files","static":"./public"}},{"http":{"component":null}}]}}`, `{"spec":{"triggers":[{"a":null}]}}`, `{"spec":{"triggers":[{"a":{"component":1}}]}}`, `{"metadata":{"name":"A"}}`, `null`, `{"spec":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Workload
		if json.Unmarshal(data, &m) != nil {
			return
		}
		normalize(&m)
		want, err := json.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		asYAML, err := yaml.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func(*Workload) error{
			"JSON": func(w *Workload) error { return json.Unmarshal(want, w) },
			"YAML": func(w *Workload) error { return yaml.Unmarshal(asYAML, w) },
		} {
			var again Workload
			if err := read(&again); err != nil {
				t.Fatalf("%s: %v\n%s\n%s", name, err, want, asYAML)
			}
			if got, err := json.Marshal(&again); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %v\ngot  %s\nwant %s\n%s", name, err, got, want, asYAML)
			}
		}
	})
}

// normalize fills in missing names and removes empty parts (null), whose written form does not read back.
func normalize(m *Workload) {
	name := func(n *Name) { *n = cmp.Or(*n, "a") }
	name(&m.Metadata.Name)
	for i := range m.Spec.Components {
		c := &m.Spec.Components[i]
		name(&c.Name)
		maps.DeleteFunc(c.Links, func(_ string, to Name) bool { return to == "" })
		c.Grants.HTTP = slices.DeleteFunc(c.Grants.HTTP, func(g HTTPGrant) bool { return g == "" })
		s := &c.Grants.Sockets
		s.Connect = slices.DeleteFunc(s.Connect, func(g SocketGrant) bool { return g == "" })
		s.Listen = slices.DeleteFunc(s.Listen, func(g SocketGrant) bool { return g == "" })
	}
	dropEmpty(reflect.ValueOf(&m.Spec).Elem())
	if m.Spec.Components == nil {
		m.Spec.Components = []Component{}
	}
	for i := range m.Spec.Services {
		name(&m.Spec.Services[i].Component)
	}
}

// dropEmpty makes empty lists and mappings nil: they mean the same.
func dropEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			dropEmpty(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			dropEmpty(v.Index(i))
		}
		if v.Len() == 0 {
			v.SetZero()
		}
	case reflect.Map:
		if v.Len() == 0 {
			v.SetZero()
		}
	}
}
