package component

import "github.com/vitrine-wasm/vitrine/internal/core"

// CheckSnapshot compares an instance that was just reset with its snapshot.
func CheckSnapshot(i *Instance) error { return i.store.CheckSnapshot() }

// Reinitialised says whether resets of the instance run initialisation again.
func Reinitialised(i *Instance) bool { return i.store.Reinitialised() }

// StateOf is what an instance's core instances are.
func StateOf(i *Instance) *core.State { return i.store.State() }

// Held is what an instance's store holds beside them.
func Held(i *Instance) string { return i.store.Held() }
