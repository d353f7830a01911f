package core

import (
	"bytes"
	"fmt"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/vitrine-wasm/vitrine/cm"
)

const pageSize = 1 << 16 // of WebAssembly

// Memory is a linear memory.
type Memory struct{ lm *linearMemory }

// Bytes is the memory as it is now. The slice is stale after any guest code has run (growth): fetch it again. It is nil
// after the group was closed.
func (m *Memory) Bytes() []byte { return m.lm.bytes }

// linearMemory backs one memory of a group. wazero asks it to grow, but only the group releases it, because wazero v1.12 frees a memory
// when an instance that only imports it is closed.
type linearMemory struct {
	group *Group
	store *addressRange // nil: bytes is memory of its own, which moves when it grows: see newBlock
	block []byte        // where bytes lie without a store
	bytes []byte
	most  uint64

	shrink bool // the next growth only tells wazero of the smaller size; see truncate
}

var (
	_ experimental.MemoryAllocator = (*linearMemory)(nil)
	_ experimental.LinearMemory    = (*linearMemory)(nil)
)

// newMemory makes a memory of size bytes that can grow to most.
func (g *Group) newMemory(size, most uint64) (*linearMemory, error) {
	m := &linearMemory{group: g, most: most}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return nil, errClosed
	}
	limited, short := g.take(size)
	if short {
		why := g.engine.budget.Refusal(fmt.Sprintf("the module's memory starts with %d bytes", size))
		return nil, &cm.Trap{Code: cm.TrapOverload, Detail: why.Detail, Err: why}
	}
	if limited {
		return nil, &cm.Trap{Code: cm.TrapMemory, Detail: fmt.Sprintf(
			"the module's memory starts with %d bytes, of the limit of %d bytes %d are taken",
			size, g.limits.Memory, g.Memory())}
	}
	var err error
	if !g.engine.goMemory && !addressLimited() {
		if m.store, err = g.engine.ranges.get(most); err == nil && m.store != nil {
			m.bytes, err = m.store.commit(size)
		}
		if err != nil {
			m.store = nil // there is no address space: go without
		}
	}
	if m.store == nil {
		if m.block, err = newBlock(size); err != nil {
			g.give(size)
			return nil, &cm.Trap{Code: cm.TrapMemory, Detail: fmt.Sprintf(
				"the module's memory starts with %d bytes, for which the process has no room left: %v", size, err)}
		}
		m.bytes = m.block
	}
	g.memories = append(g.memories, m)
	return m, nil
}

// Allocate is called by wazero for the one memory of the instance that it makes.
func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate gives wazero size bytes of memory, zero where they are new; nil makes memory.grow fail.
func (m *linearMemory) Reallocate(size uint64) []byte {
	now := uint64(len(m.bytes))
	if size <= now || m.shrink {
		return m.bytes
	}
	if size > m.most {
		return nil
	}
	if limited, short := m.group.take(size - now); limited || short {
		m.group.current.deny(refusal{memory: limited, budget: short})
		return nil
	}
	if m.store == nil {
		b, err := growBlock(m.block, len(m.bytes), size)
		if err != nil {
			m.group.give(size - now)
			return nil
		}
		m.block, m.bytes = b, b
		return b
	}
	b, err := m.store.commit(size)
	if err != nil {
		m.group.give(size - now)
		return nil
	}
	m.bytes = b
	return b
}

// Free does nothing: see release.
func (m *linearMemory) Free() {}

func (m *linearMemory) release() {
	if m.store == nil {
		freeBlock(m.block)
	}
	m.block, m.bytes = nil, nil
	if m.store != nil {
		m.group.engine.ranges.put(m.store)
		m.store = nil
	}
}

// AddressSpace says whether the process may have n bytes of memory more, with some to spare. It is always true where the process has no
// limit (ulimit -v); with a limit it costs two system calls.
func AddressSpace(n uint64) bool { return addressSpace(n) }

// cloneBytes copies a memory's bytes to Go's memory.
func cloneBytes(b []byte) ([]byte, error) {
	if !addressSpace(uint64(len(b))) {
		return nil, &ResetError{Reason: "system", Detail: "the process has no room left for an image of the memory"}
	}
	return bytes.Clone(b), nil
}
