package cli

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// gateRoom bounds what a gate holds, in bytes.
const gateRoom = 4 << 20

// gate is standard error with two promises. What is said before a workload answers comes after the line that says where it
// does: it holds everything until it is opened. And nobody who writes waits for whoever reads: what finds no room is dropped,
// counted, and said once there is room again. Safe for concurrent use; a Write is never torn.
type gate struct {
	w      io.Writer
	notice func(lines int) []byte // tells that lines were dropped

	mu      sync.Mutex
	held    []byte
	dropped int // lines
	opened  bool
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

// newGate makes a gate to w. Close it.
func newGate(w io.Writer, notice func(lines int) []byte) *gate {
	g := &gate{w: w, notice: notice, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go g.run()
	return g
}

// Write never fails and never waits.
func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) > 0 && len(g.held)+len(p) > gateRoom {
		g.dropped += max(bytes.Count(p, []byte("\n")), 1)
		return len(p), nil
	}
	g.tell()
	g.held = append(g.held, p...)
	g.signal()
	return len(p), nil
}

// tell says what was dropped. g.mu is held.
func (g *gate) tell() {
	if g.dropped > 0 {
		g.held = append(g.held, g.notice(g.dropped)...)
		g.dropped = 0
	}
}

func (g *gate) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// open lets first out and then what was held. Only the first call does anything.
func (g *gate) open(first string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return
	}
	g.opened = true
	g.held = append([]byte(first), g.held...)
	g.signal()
}

// close opens the gate and waits until everything is out, or ctx ends. What is written after that is lost.
func (g *gate) close(ctx context.Context) {
	g.open("")
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.signal()
	select {
	case <-g.done:
	case <-ctx.Done():
	}
}

func (g *gate) run() {
	defer close(g.done)
	for {
		g.mu.Lock()
		var text []byte
		if g.opened {
			text, g.held = g.held, nil
			if g.closed && g.dropped > 0 {
				text = append(text, g.notice(g.dropped)...)
				g.dropped = 0
			}
		}
		closed := g.closed && len(text) == 0
		g.mu.Unlock()
		switch {
		case len(text) > 0:
			_, _ = g.w.Write(text) // nobody is left to tell
		case closed:
			return
		default:
			<-g.wake
		}
	}
}
