package component

// CheckSnapshot compares an instance that was just reset with its snapshot.
func CheckSnapshot(i *Instance) error { return i.store.CheckSnapshot() }

// Reinitialised says whether resets of the instance run initialisation again.
func Reinitialised(i *Instance) bool { return i.store.Reinitialised() }
