package local

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
)

// maxIdle bounds the connections of a database that wait for the next guest.
const maxIdle = 4

// pool has the connections to one database. Opening one takes as long as a hundred small statements.
type pool struct {
	uri, setup string
	path       string // of the database's file; "" if it is in memory
	size       uint64 // of the database, in bytes

	mu     sync.Mutex
	used   int
	idle   []*conn
	closed bool
}

// errConnections says that a database has no room for a connection.
var errConnections = &sqlite.StatementError{
	Code: "too many connections", Text: fmt.Sprintf("%d connections to the database are open; drop one", maxConnections),
}

// get returns a connection that nobody uses.
func (p *pool) get(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	if p.used == maxConnections {
		p.mu.Unlock()
		return nil, errConnections
	}
	p.used++
	if last := len(p.idle) - 1; last >= 0 {
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c := &conn{pool: p}
	err := c.guard(func() error { return c.open(ctx) })
	if err != nil {
		c.changed = true
		return nil, errors.Join(known(err), c.Close())
	}
	return c, nil
}

// ask says what keeps a connection from reading the database. It has one of its own: others have parts of the file in their memory, and all of
// them may be in use.
func (p *pool) ask(ctx context.Context) error {
	c := &conn{pool: p}
	err := c.guard(func() error { return c.open(ctx) })
	if err == nil {
		_, err = c.Query(ctx, "SELECT count(*) FROM sqlite_schema", nil, func(int) error { return nil })
	}
	return errors.Join(known(err), c.end())
}

// put takes a connection back. It is kept for another guest if this one has left nothing in it.
func (p *pool) put(c *conn) error {
	clean := c.db != nil && !c.broken && !c.changed && c.guard(c.reset) == nil
	p.mu.Lock()
	p.used--
	if clean && !p.closed && len(p.idle) < maxIdle {
		p.idle = append(p.idle, c)
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	return c.end()
}

// close closes the connections that wait. Those in use are closed when they are put back.
func (p *pool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	var errs []error
	for _, c := range idle {
		errs = append(errs, c.end())
	}
	return errors.Join(errs...)
}
