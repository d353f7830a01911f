package memory

import (
	"maps"
	"slices"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// owned are the owners with a subscription.
func (b *Backend) owned() []messaging.Owner {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.owners))
}
