// Package config serves the config section of the workload file to components, by several interfaces: wasi:config 0.2.0-rc.1 and
// 0.2.0-draft-2024-09-27, and variables of fermyon:spin 2.0.0 and spin:variables 3.0.0. A value may be a secret: it is in no error.
//
// A secret of the component's grants, which is an environment variable or a file of the host, is a value, too, if it is text and the section has
// none of its name. It is given by its name alone: get-all of wasi:config does not list it. FUNCTIONS.md lists the functions and which outcomes of them are tested.
package config

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/config/bindings"
	"github.com/vitrine-wasm/vitrine/plugin/config/bindings/draft"
	"github.com/vitrine-wasm/vitrine/plugin/config/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/config/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves wasi:config 0.2.0-rc.1 and 0.2.0-draft-2024-09-27, variables of fermyon:spin 2.0.0, and spin:variables 3.0.0.
type Plugin struct{}

var _ host.Plugin = Plugin{}

// Name implements host.Plugin.
func (Plugin) Name() string { return "config" }

// Serves implements host.Plugin.
func (Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{bindings.StoreID, draft.StoreID, spin2.VariablesID, spin3.VariablesID}
}

// Bind implements host.Plugin.
func (Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	c := b.Component
	for _, k := range slices.Sorted(maps.Keys(c.Config)) {
		if !utf8.ValidString(k) || !utf8.ValidString(c.Config[k]) { // the value may be a secret
			return nil, fmt.Errorf("config %q: its name or value is no UTF-8: guests are given text only", k)
		}
	}
	all, err := withSecrets(c)
	if err != nil {
		return nil, err
	}
	bindings.AddStore(l, named{store(c.Config), all})
	draft.AddStore(l, named{store(c.Config), all})
	spin2.AddVariables(l, variables2{variables(all)})
	spin3.AddVariables(l, variables3{variables(all)})
	return nil, nil
}

// withSecrets are the values of a component with the secrets that it is granted.
func withSecrets(c *workload.Component) (map[string]string, error) {
	all := make(map[string]string, len(c.Config)+len(c.Grants.Secrets))
	for _, name := range slices.Sorted(maps.Keys(c.Grants.Secrets)) {
		text, err := c.Grants.Secrets[name].Read()
		if err != nil {
			return nil, fmt.Errorf("grants.secrets.%s: %w", name, err)
		}
		if utf8.ValidString(text) && utf8.ValidString(name) {
			all[name] = text
		}
	}
	maps.Copy(all, c.Config)
	return all, nil
}

// named is a store that gives more by name than it lists.
type named struct {
	store
	all store
}

// Get gives a value, or a secret.
func (n named) Get(ctx context.Context, key string) (*string, error) { return n.all.Get(ctx, key) }

type store map[string]string

func (s store) Get(_ context.Context, key string) (*string, error) {
	if v, ok := s[key]; ok {
		return &v, nil
	}
	return nil, nil
}

func (s store) GetAll(context.Context) ([]cm.Tuple2[string, string], error) {
	out := make([]cm.Tuple2[string, string], 0, len(s))
	for _, k := range slices.Sorted(maps.Keys(s)) {
		out = append(out, cm.Tuple2[string, string]{F0: k, F1: s[k]})
	}
	return out, nil
}
