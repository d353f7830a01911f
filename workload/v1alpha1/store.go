package v1alpha1

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// StoreGrant grants a bucket or a container. In a document it is a mapping with the keys of these fields, and the name of a type
// where the grant configures its backend itself: {sqlite: data.db, data: keep}.
type StoreGrant struct {
	Backend string `json:"backend,omitzero" yaml:"backend,omitempty" doc:"The backend, by its name in the program. A grant that names none has, for keyvalue, an SQLite file in the folder .vitrine beside the manifest, or in that of --state-dir, and else the first backend."`
	Data    string `json:"data,omitzero" yaml:"data,omitempty" enum:"drop|keep" doc:"What becomes of what is stored when the workload has ended. keep: the next workload of that name finds it; default in a backend that the grant configures and in the folder .vitrine. drop: it finds nothing; default elsewhere."`
	Scope   string `json:"scope,omitzero" yaml:"scope,omitempty" enum:"component|workload" doc:"Whose it is: the component's alone, which is the default, or shared by the workload's components that have such a grant."`

	Type string `json:"-" yaml:"-"` // of the backend that the grant configures; empty: none
	// Config is the value at the type: a text, or a map[string]any as in [Trigger]. A document does not check it: package app does, by
	// workload.BackendType.
	Config any `json:"-" yaml:"-"`
}

// body is the mapping.
func (g StoreGrant) body() map[string]any {
	out := map[string]any{}
	for key, v := range map[string]string{"backend": g.Backend, "data": g.Data, "scope": g.Scope} {
		if v != "" {
			out[key] = v
		}
	}
	if g.Type != "" {
		out[g.Type] = g.Config
	}
	return out
}

// MarshalJSON returns the mapping.
func (g StoreGrant) MarshalJSON() ([]byte, error) { return json.Marshal(g.body()) }

// MarshalYAML returns the mapping.
func (g StoreGrant) MarshalYAML() (any, error) { return g.body(), nil }

// UnmarshalJSON reads the mapping.
func (g *StoreGrant) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return fmt.Errorf("grant of a store: %w", err)
	}
	return g.set(m)
}

// UnmarshalYAML reads the mapping.
func (g *StoreGrant) UnmarshalYAML(unmarshal func(any) error) error {
	var m map[string]any
	if err := unmarshal(&m); err != nil {
		return fmt.Errorf("grant of a store: %w", err)
	}
	return g.set(m)
}

func (g *StoreGrant) set(m map[string]any) error {
	*g = StoreGrant{}
	texts := map[string]*string{"backend": &g.Backend, "data": &g.Data, "scope": &g.Scope}
	for key, v := range m {
		if v == nil {
			continue
		}
		if to := texts[key]; to != nil {
			text, ok := v.(string)
			if !ok {
				return fmt.Errorf("grant of a store: %s: want a text", key)
			}
			*to = text
			continue
		}
		plain, err := plainValue(v)
		if err != nil {
			return fmt.Errorf("grant of a store: %s: %w", key, err)
		}
		switch plain.(type) {
		case string, map[string]any:
		default:
			return fmt.Errorf("grant of a store: %s: want a text or a mapping", key)
		}
		if g.Type != "" {
			return fmt.Errorf("grant of a store: want one type of backend; had two")
		}
		g.Type, g.Config = key, plain
	}
	return nil
}
