//go:build !linux

package cli

// dropStartPages does nothing: other systems do not count these pages as the process's, or cannot give them back.
func dropStartPages() {}
