// Package crier is a plugin that prints components' texts in capitals.
package crier

import (
	"context"
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wit"
)

var crierID = wit.MustParseID("example:product/crier")

// Plugin serves example:product/crier.
type Plugin struct{}

var _ host.Plugin = Plugin{}

// Name implements host.Plugin.
func (Plugin) Name() string { return "crier" }

// Serves implements host.Plugin.
func (Plugin) Serves() []wit.InterfaceID { return []wit.InterfaceID{crierID} }

// Bind implements host.Plugin. Each line begins with the component's name.
func (Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	l.Instance(crierID).GoFunc("cry", func(s string) {
		fmt.Printf("%s: %s!\n", b.Component.Name, strings.ToUpper(s))
	})
	return nil, nil
}
