//go:build !linux

package cli

// keysAtOnce says that singleKeys has each key passed on.
const keysAtOnce = false

// singleKeys leaves other systems' terminals as they are: a key comes with the end of its line.
func singleKeys(int) (restore func(), ok bool) { return func() {}, true }
