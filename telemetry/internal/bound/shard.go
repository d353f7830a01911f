package bound

import (
	"math/bits"
	"unsafe"
)

// cacheLine is the distance in bytes between values that different cores write.
const cacheLine = 64

// maxShards bounds the memory of one attribute set.
const maxShards = 16

// shardsFor is the number of shards of cells, a power of two.
func shardsFor(procs int) int {
	return 1 << bits.Len(uint(min(procs, maxShards)-1))
}

// shard chooses one of n shards for the calling goroutine, by the address of its stack. It mostly differs between goroutines that
// run at the same time and stays the same for one of them, so that a shard's cache lines stay with a core.
func shard(n int) int {
	var here byte
	at := uint64(uintptr(unsafe.Pointer(&here))) >> 12
	return int(at * 0x9e3779b97f4a7c15 >> 32 & uint64(n-1))
}
