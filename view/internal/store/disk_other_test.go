//go:build !linux

package store

import "testing"

// smallDisk is a folder on a disk of a size.
func smallDisk(t *testing.T, _ int) string {
	t.Helper()
	t.Skip("a disk can be mounted by root only, on Linux")
	return ""
}
