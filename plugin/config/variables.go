package config

import (
	"context"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/config/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/config/bindings/spin3"
)

// variables are the values as Spin's interfaces have them.
type variables map[string]string

// invalidName is the guest's text for what is no name of a variable in Spin.
const invalidName = "a name has small letters, digits and single underscores, and begins with a letter"

// get gives a value, or the error that one of the functions makes.
func (v variables) get(name string, invalid, undefined func(string) error) (string, error) {
	value, ok := v[name]
	switch {
	case ok: // by whatever name: a workload file may have others than Spin's
		return value, nil
	case !isName(name):
		return "", invalid(invalidName)
	}
	return "", undefined("no variable " + name)
}

// isName says whether text is a name of a variable in Spin.
func isName(text string) bool {
	if text == "" || text[0] < 'a' || text[0] > 'z' || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return false
	}
	for _, c := range []byte(text) {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// variables2 implements variables of fermyon:spin 2.0.0.
type variables2 struct{ variables }

// Get implements spin2.Variables.
func (v variables2) Get(_ context.Context, name string) (string, error) {
	return v.get(name,
		func(why string) error { return cm.Fail(spin2.ErrorInvalidName(why)) },
		func(why string) error { return cm.Fail(spin2.ErrorUndefined(why)) })
}

// variables3 implements spin:variables 3.0.0.
type variables3 struct{ variables }

// Get implements spin3.Variables.
func (v variables3) Get(_ context.Context, name string) (string, error) {
	return v.get(name,
		func(why string) error { return cm.Fail(spin3.ErrorInvalidName(why)) },
		func(why string) error { return cm.Fail(spin3.ErrorUndefined(why)) })
}
