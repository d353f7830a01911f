// Package secrets serves the secrets of a component's grants by wasmcloud:secrets 2.1.0. Grants say where a secret is, an environment variable
// or a file (workload.Secret), and the plugin reads them when a workload starts: what is missing keeps it from starting.
// FUNCTIONS.md lists the functions and which outcomes of them are tested.
//
// A secret is in no error, span, log record or printed workload. Components hold handles, whose calls are seen without the value.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/secrets/bindings"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Plugin serves wasmcloud:secrets 2.1.0: store and reveal, and the interface secret under the names of the component's secrets.
type Plugin struct{}

var _ host.Plugin = Plugin{}

// Name implements host.Plugin.
func (Plugin) Name() string { return "secrets" }

// Serves implements host.Plugin.
func (Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{bindings.StoreID, bindings.RevealID, bindings.SecretID}
}

// Bind implements host.Plugin. It reads the secrets, which stay what they are until the workload ends. An error names the grant and the
// place of the secret.
func (Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	grants := b.Component.Grants.Secrets
	s := make(store, len(grants))
	for _, name := range slices.Sorted(maps.Keys(grants)) {
		place := grants[name]
		if place.Env == "" && place.File == "" {
			return nil, fmt.Errorf("grants.secrets.%s: want the place of the secret: {env: NAME} or {file: PATH}", name)
		}
		text, err := place.Read()
		if err != nil {
			return nil, fmt.Errorf("grants.secrets.%s: %w", name, err)
		}
		s[name] = secret{&value{text}}
	}
	bindings.AddStore(l, s)
	bindings.AddReveal(l, revealer{})
	bindings.AddSecret(l, unlabelled{})
	for name, of := range s {
		if !isLabel(name) {
			continue // only store has it
		}
		labelled := l.Instance(wit.InterfaceID{Interface: name})
		labelled.Resource("secret", bindings.SecretType)
		for _, f := range bindings.SecretFuncs(of) {
			labelled.Define(f)
		}
	}
	return nil, nil
}

// isLabel says whether a component can import the secret under its name: words of letters and digits with hyphens between, as WIT's plain
// names are. Which of them WIT refuses does not matter: no component imports those.
func isLabel(name string) bool {
	for _, c := range []byte(name) {
		if c != '-' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// value is what a secret says. Printing it, or what points to it, does not show it.
type value struct{ text string }

// Format implements fmt.Formatter for all verbs.
func (*value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("(a secret)")) }

// secret is the resource, and implements the interface secret for its label.
type secret struct{ *value }

// Get implements bindings.SecretFunctions.
func (s secret) Get(context.Context) (bindings.Secret, error) { return s, nil }

// store implements bindings.Store.
type store map[string]secret

// Get implements bindings.Store.
func (s store) Get(_ context.Context, key string) (bindings.Secret, error) {
	if of, ok := s[key]; ok {
		return of, nil
	}
	return nil, cm.Fail(bindings.SecretsErrorNotFound())
}

// revealer implements bindings.Reveal.
type revealer struct{}

// Reveal implements bindings.Reveal.
func (revealer) Reveal(_ context.Context, of bindings.Secret) (bindings.SecretValue, error) {
	s, ok := of.(secret)
	switch {
	case !ok:
		return bindings.SecretValue{}, errors.New("reveal: this is no secret of the host's")
	case utf8.ValidString(s.text):
		return bindings.SecretValueString(s.text), nil
	}
	return bindings.SecretValueBytes([]byte(s.text)), nil
}

// unlabelled implements bindings.SecretFunctions for the import under the interface's own name, which says of no secret.
type unlabelled struct{}

// Get implements bindings.SecretFunctions.
func (unlabelled) Get(context.Context) (bindings.Secret, error) {
	return nil, fmt.Errorf("%s names no secret: import it under the name of one in grants.secrets, or call store.get", bindings.SecretID)
}
