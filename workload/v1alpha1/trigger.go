package v1alpha1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Trigger is one trigger. In a document it is a mapping with one key, the type, whose value has the keys component, but where the type
// answers by itself, and chain, and the type's own keys.
type Trigger struct {
	Type      string
	Component Name   // empty: none, where the type answers by itself
	Chain     []Name // components that an event passes through before it comes to Component; nil: none
	// Config is the type's own keys with values of bool, int64, float64, string, []any and map[string]any; nil if there are none.
	// A document does not check them, since not every program has every type: package app does, by workload.TriggerType.
	Config map[string]any
}

// The keys that triggers of all types may have.
const (
	componentKey = "component"
	chainKey     = "chain"
)

// body is the mapping below the type.
func (t Trigger) body() map[string]any {
	out := map[string]any{}
	if t.Component != "" { // a trigger may be alone
		out[componentKey] = string(t.Component)
	}
	if len(t.Chain) > 0 {
		out[chainKey] = t.Chain
	}
	for k, v := range t.Config {
		if k != componentKey && k != chainKey {
			out[k] = v
		}
	}
	return map[string]any{t.Type: out}
}

// MarshalJSON returns the mapping of one key.
func (t Trigger) MarshalJSON() ([]byte, error) { return json.Marshal(t.body()) }

// MarshalYAML returns the mapping of one key.
func (t Trigger) MarshalYAML() (any, error) { return t.body(), nil }

// UnmarshalJSON reads the mapping of one key.
func (t *Trigger) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var m map[string]map[string]any
	if err := dec.Decode(&m); err != nil {
		return fmt.Errorf("trigger: %w", err)
	}
	return t.set(m)
}

// UnmarshalYAML reads the mapping of one key.
func (t *Trigger) UnmarshalYAML(unmarshal func(any) error) error {
	var m map[string]map[string]any
	if err := unmarshal(&m); err != nil {
		return fmt.Errorf("trigger: %w", err)
	}
	return t.set(m)
}

func (t *Trigger) set(m map[string]map[string]any) error {
	if len(m) != 1 {
		return fmt.Errorf("trigger: want a mapping of one key, the type; had %d", len(m))
	}
	*t = Trigger{}
	for kind, body := range m {
		t.Type = kind
		switch name := body[componentKey].(type) {
		case nil: // the trigger answers by itself
		case string:
			if err := t.Component.UnmarshalText([]byte(name)); err != nil {
				return fmt.Errorf("trigger %q: component: %w", kind, err)
			}
		default:
			return fmt.Errorf("trigger %q: want a text at the key component", kind)
		}
		delete(body, componentKey)
		if err := t.setChain(body[chainKey]); err != nil {
			return fmt.Errorf("trigger %q: chain: %w", kind, err)
		}
		delete(body, chainKey)
		for k, v := range body {
			plain, err := plainValue(v)
			if err != nil {
				return fmt.Errorf("trigger %q: %s: %w", kind, k, err)
			}
			if t.Config == nil {
				t.Config = map[string]any{}
			}
			t.Config[k] = plain
		}
	}
	return nil
}

// setChain reads the value of the key chain: a list of names, or nothing.
func (t *Trigger) setChain(v any) error {
	list, ok := v.([]any)
	if v != nil && !ok {
		return fmt.Errorf("want a list of components")
	}
	for _, e := range list {
		text, ok := e.(string)
		if !ok {
			return fmt.Errorf("want a list of components")
		}
		var name Name
		if err := name.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		t.Chain = append(t.Chain, name)
	}
	return nil
}

// plainValue converts a decoded value to the Go types of Config, which are the same for JSON and YAML.
func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, int64, float64:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		if v > math.MaxInt64 {
			return nil, fmt.Errorf("the number is too large")
		}
		return int64(v), nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	case time.Time:
		return nil, fmt.Errorf("want no point in time; put it in quotes")
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = plainValue(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			plain, err := plainValue(e)
			if err != nil {
				return nil, err
			}
			out[k] = plain
		}
		return out, nil
	}
	return nil, fmt.Errorf("want a text, a number, true or false, a list or a mapping by texts")
}
