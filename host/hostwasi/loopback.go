package hostwasi

import (
	"context"
	"sync"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
	"github.com/vitrine-wasm/vitrine/workload"
)

// loopback is the network of one workload that has services, and the number of its components that are bound.
type loopback struct {
	net     *sockets.Loopback
	members int
}

// join makes the component a member of its workload's loopback, until leave is called. It is of none if the workload has no services: then
// the loopback addresses are the machine's.
func (p *Plugin) join(b *host.Binding) (m *sockets.Member, leave func()) {
	w := b.Workload
	if w == nil || len(w.Services) == 0 {
		return nil, func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.loopbacks[w]
	if l == nil {
		var names []string
		for _, s := range w.Services {
			names = append(names, s.Component)
		}
		l = &loopback{net: sockets.NewLoopback(names...)}
		p.loopbacks[w] = l
	}
	l.members++
	m = &sockets.Member{Net: l.net, Component: b.Component.Name, Serves: w.Service(b.Component.Name) != nil}
	if b.Connected != nil {
		m.Connected = func(ctx context.Context, c sockets.Connection) func(sockets.Traffic) {
			ended := b.Connected(ctx, host.Connection{Service: c.Peer, Port: c.To.Port()})
			return func(t sockets.Traffic) { ended(t.Sent, t.Received) }
		}
	}
	return m, sync.OnceFunc(func() { p.leave(w, l) })
}

// leave ends one membership, and the network with the last one.
func (p *Plugin) leave(w *workload.Spec, l *loopback) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.members--; l.members == 0 {
		delete(p.loopbacks, w)
	}
}
