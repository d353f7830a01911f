//go:build !linux

package cli

// singleKeys leaves other systems' terminals as they are: a key comes with the end of its line.
func singleKeys(int) (restore func(), ok bool) { return func() {}, true }
