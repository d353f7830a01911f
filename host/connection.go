package host

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Connection is one that a component has begun to a service of its workload, within the process.
type Connection struct {
	Service string // the component that listens
	Port    uint16
}

// connected makes a connection of a component an operation of its own, which lasts as long as the connection.
func connected(i cm.Interceptor, component string) func(context.Context, Connection) func(sent, received uint64) {
	return func(ctx context.Context, c Connection) func(sent, received uint64) {
		op := &cm.Operation{Name: "connection", Component: cm.Path(component)}
		op.Set("connection.peer", c.Service)
		op.Set("network.transport", "tcp")
		op.Set("server.port", int64(c.Port))
		_, end := cm.Begin(ctx, i, op)
		return func(sent, received uint64) {
			op.Set("connection.sent", int64(sent))
			op.Set("connection.received", int64(received))
			end(nil)
		}
	}
}
