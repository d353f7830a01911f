//go:build !linux

package process

// MemoryLimit is how many bytes of memory the process may have; 0: the system does not say, or is not asked.
func MemoryLimit() uint64 { return 0 }
