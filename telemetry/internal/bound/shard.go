package bound

import (
	"math/bits"
	"unsafe"
)

// line is the size of a cache line, as far as it matters: what different cores write lies at least this far apart.
const line = 64

// maxShards bounds the memory of one attribute set.
const maxShards = 16

// shardsFor is how many shards cells have, a power of two.
func shardsFor(procs int) int {
	return 1 << bits.Len(uint(min(procs, maxShards)-1))
}

// shard picks one of n shards for the calling goroutine, by where its stack lies. It needs no more than to differ between
// goroutines that run at the same time, and mostly to be the same for one of them, so that a shard's cache lines stay with a
// core.
func shard(n int) int {
	var here byte
	at := uint64(uintptr(unsafe.Pointer(&here))) >> 12
	return int(at * 0x9e3779b97f4a7c15 >> 32 & uint64(n-1))
}
