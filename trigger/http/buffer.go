package http

import (
	"sync"
	"sync/atomic"
)

// Sizes of the buffers by which bodies are copied. A write of more bytes needs fewer system calls, but a client that takes nothing, or a
// guest that sends nothing, holds a buffer all the time: so there are few large ones, and who needs none gives it back.
const (
	smallBuffer = 32 << 10
	largeBuffer = 256 << 10
	maxLarge    = 64
)

var (
	buffers      = sync.Pool{New: func() any { b := make([]byte, smallBuffer); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBuffer); return &b }}
	largeInUse   atomic.Int64
)

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if len(*b) == smallBuffer {
		buffers.Put(b)
		return
	}
	largeBuffers.Put(b)
	largeInUse.Add(-1)
}

// nextBuffer is what to read into after n bytes have been read into b, which is not used any more: a large buffer while the other side has
// more than a small one takes.
func nextBuffer(b *[]byte, n int) *[]byte {
	switch large := len(*b) > smallBuffer; {
	case large && n < smallBuffer:
		putBuffer(b)
		return takeBuffer()
	case !large && n == smallBuffer:
		if largeInUse.Add(1) > maxLarge {
			largeInUse.Add(-1)
			return b
		}
		buffers.Put(b)
		return largeBuffers.Get().(*[]byte)
	}
	return b
}
