package config

import (
	"maps"
	"testing"
)

func TestStore(t *testing.T) {
	for _, c := range []struct {
		name  string
		store store
		all   string
	}{
		{"nothing", nil, ""},
		{"one", store{"a": "1"}, "a=1;"},
		{"by their keys", store{"b": "", "a.b": "x=y", "a": "1\n2"}, "a=1\n2;a.b=x=y;b=;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			had := maps.Clone(c.store)
			pairs, err := c.store.GetAll(t.Context())
			if err != nil || pairs == nil {
				t.Fatalf("all: %v, %v", pairs, err)
			}
			all := ""
			for _, p := range pairs {
				all += p.F0 + "=" + p.F1 + ";"
			}
			if all != c.all {
				t.Errorf("all: %q, wanted %q", all, c.all)
			}
			for k, want := range c.store {
				v, err := c.store.Get(t.Context(), k)
				if err != nil || v == nil || *v != want {
					t.Fatalf("%s: %v, %v, wanted %q", k, v, err, want)
				}
				*v = "changed" // what was given is a copy
			}
			if !maps.Equal(had, c.store) {
				t.Errorf("the store has become %v", c.store)
			}
			if v, err := c.store.Get(t.Context(), "none"); v != nil || err != nil {
				t.Errorf("a key that is not there: %v, %v", v, err)
			}
		})
	}
}
