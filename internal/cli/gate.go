package cli

import (
	"io"
	"sync"
)

// gateRoom bounds what a gate holds, in bytes.
const gateRoom = 1 << 20

// gate is standard error with one promise: what is said before a workload answers comes after the line that says where
// it does. It holds everything until it is opened. Safe for concurrent use; a Write is never torn.
type gate struct {
	mu     sync.Mutex
	w      io.Writer
	held   []byte
	opened bool
}

func newGate(w io.Writer) *gate { return &gate{w: w} }

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return g.w.Write(p)
	}
	if len(g.held)+len(p) <= gateRoom {
		g.held = append(g.held, p...)
	}
	return len(p), nil
}

// open writes first and then what was held. Only the first call does anything.
func (g *gate) open(first string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return
	}
	g.opened = true
	_, _ = g.w.Write(append([]byte(first), g.held...))
	g.held = nil
}
