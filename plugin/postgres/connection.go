package postgres

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
)

// connection is the resource of Spin's interfaces. Its methods may be called at once; each waits for the one before.
type connection struct {
	target   target
	database string

	busy    chan struct{} // holds one element while a call uses the fields below
	conn    Conn          // nil when it has been dropped
	reading *result       // rows that the guest has not read to their end
	within  bool          // a transaction was under way when the connection was lost
}

// Errors of connections.
var (
	errDropped = errors.New("the connection was dropped")
	errLost    = errors.New("the connection was lost within a transaction, which is rolled back; open another")
)

// StoreSystem is the name of the database's kind.
func (c *connection) StoreSystem() string { return "postgresql" }

// StoreNamespace is the database's name.
func (c *connection) StoreNamespace() string { return c.database }

// Drop ends the connection.
func (c *connection) Drop(context.Context) error {
	c.busy <- struct{}{} // calls have borrowed the connection; only rows are read without it
	defer func() { <-c.busy }()
	if c.conn == nil {
		return nil
	}
	if c.reading != nil {
		c.reading.abandon(c.finish)
		return nil
	}
	c.finish()
	return nil
}

// finish gives the connection back. c.busy is held, or nobody else has the connection.
func (c *connection) finish() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// acquire waits for the call under way, and has the rest of a result that is being read put into memory. A connection that was lost outside
// of a transaction is opened again. release must be called if err is nil.
func (c *connection) acquire(ctx context.Context) (release func(), err error) {
	select {
	case c.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() {
		if err != nil {
			<-c.busy
		}
	}()
	if c.conn == nil {
		return nil, errDropped
	}
	if c.reading != nil {
		err := c.reading.keep(ctx)
		c.reading = nil
		if err != nil {
			return nil, err
		}
	}
	if c.conn.State() == Lost {
		if c.within {
			return nil, errLost
		}
		conn, err := c.target.open(ctx)
		if err != nil {
			return nil, err
		}
		c.conn.Close()
		c.conn = conn
	}
	return func() { <-c.busy }, nil
}

// run begins a statement. c.busy is held.
func (c *connection) run(ctx context.Context, s Statement) (Rows, error) {
	c.within = c.conn.State() == InTransaction
	return c.target.query(ctx, c.conn, s)
}

// query runs a statement and passes its rows on to add, which counts what they cost the host's memory until the guest has them.
func (c *connection) query(ctx context.Context, s Statement, add func(cols []Column, row [][]byte) error) ([]Column, error) {
	release, err := c.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := c.run(ctx, s)
	if err != nil {
		return nil, err
	}
	cols := rows.Columns()
	var held cm.Holding
	defer held.Release()
	return cols, rowsTo(ctx, rows, func(row [][]byte) error {
		if err := held.Hold(ctx, held.Bytes()+rowSize(row)); err != nil {
			return err
		}
		return add(cols, row)
	})
}

// execute runs a statement, drops its rows, and says how many it has changed.
func (c *connection) execute(ctx context.Context, s Statement) (uint64, error) {
	release, err := c.acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	rows, err := c.run(ctx, s)
	if err != nil {
		return 0, err
	}
	return drained(ctx, rows)
}

func drained(ctx context.Context, rows Rows) (uint64, error) {
	err := rowsTo(ctx, rows, func([][]byte) error { return nil })
	return rows.Affected(), err
}

// stream runs a statement whose rows are read when the guest wants them.
func (c *connection) stream(ctx context.Context, s Statement) (*result, error) {
	release, err := c.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := c.run(ctx, s)
	if err != nil {
		return nil, err
	}
	c.reading = newResult(ctx, rows, func() {})
	return c.reading, nil
}

// What a row and a value cost besides their content, in Go and as the interfaces' types.
const (
	rowBytes   = 24
	valueBytes = 256
)

func rowSize(row [][]byte) int {
	n := rowBytes + valueBytes*len(row)
	for _, v := range row {
		n += 2 * len(v) // as it is read, and converted
	}
	return n
}

// result is a result that is read bit by bit, while the connection waits for its end. When the connection is wanted for the next statement, what is
// left of the result is kept in memory.
type result struct {
	cols  []Column
	ended func() // is called once, when the connection is no longer needed for the rows

	mu   sync.Mutex
	rows Rows // nil when they have ended, or are kept
	kept [][][]byte
	held cm.Holding
	err  error // how the kept ones end; nil: io.EOF
	over func()
}

func newResult(ctx context.Context, rows Rows, ended func()) *result {
	r := &result{cols: rows.Columns(), rows: rows, ended: ended}
	r.held.Charge(cm.AccountOf(ctx))
	return r
}

// next gives the next row.
func (r *result) next(ctx context.Context) ([][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		if len(r.kept) > 0 {
			row := r.kept[0]
			r.kept = r.kept[1:]
			return row, nil
		}
		r.held.Release()
		if r.err != nil {
			return nil, r.err
		}
		return nil, io.EOF
	}
	row, err := r.rows.Next(ctx)
	if err != nil {
		r.end()
	}
	return row, err
}

// keep reads what is left into memory.
func (r *result) keep(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.rows != nil {
		row, err := r.rows.Next(ctx)
		if err == nil {
			if err = r.held.Set(r.held.Bytes() + rowSize(row)); err == nil {
				r.kept = append(r.kept, row)
				continue
			}
		}
		if !errors.Is(err, io.EOF) {
			r.err = err
		}
		r.end()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// end says that the connection is no longer needed. r.mu is held.
func (r *result) end() {
	if r.rows == nil {
		return
	}
	r.rows.Close()
	r.rows = nil
	r.ended()
	if r.over != nil {
		r.over()
	}
}

// close drops what is left.
func (r *result) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	r.kept = nil
	r.held.Release()
}

// abandon has f called when the connection is no longer needed: at once, or with the end of the rows.
func (r *result) abandon(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		f()
		return
	}
	r.over = f
}

// feed makes a stream of the rows that are left, and a future that says how they end.
func feed[R, E any](ctx context.Context, r *result, row func([]Column, [][]byte) (R, error), fail func(context.Context, error) E) (*cm.StreamReader[R], *cm.FutureReader[cm.Result[struct{}, E]], error) {
	w, reader := cm.NewStream[R]()
	ended, end := flow.Outcome(func(err error) E { return fail(context.WithoutCancel(ctx), err) })
	next := func(ctx context.Context) (out R, err error) {
		values, err := r.next(ctx)
		if err != nil {
			return out, err
		}
		return row(r.cols, values)
	}
	err := flow.FeedValues(flow.Of(ctx), w, next, func(R) {}, func(ctx context.Context, err error) {
		r.close()
		end(ctx, err)
	})
	if err != nil {
		r.close()
	}
	return reader, ended, err
}
