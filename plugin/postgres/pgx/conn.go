package pgx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vitrine-wasm/vitrine/plugin/postgres"
)

// conn is a connection in use.
type conn struct {
	backend *Backend
	pooled  *pgxpool.Conn // nil when it is closed
	pg      *pgconn.PgConn
	login   postgres.Login
}

// Database implements postgres.Conn.
func (c *conn) Database() string { return c.login.Database }

// State implements postgres.Conn.
func (c *conn) State() postgres.State {
	switch {
	case c.pg.IsClosed():
		return postgres.Lost
	case c.pg.TxStatus() != 'I':
		return postgres.InTransaction
	}
	return postgres.Idle
}

// Close implements postgres.Conn.
func (c *conn) Close() {
	if c.pooled != nil {
		c.pooled.Release()
		c.pooled = nil
		<-c.backend.slots
	}
}

// waiting is what one wait for the server may take: the context that a statement runs under, for all of its waits, ends with that of each.
type waiting struct {
	context.Context
	cancel context.CancelCauseFunc
	most   time.Duration
}

func (b *Backend) newWaiting(ctx context.Context) *waiting {
	w := &waiting{most: b.timeout}
	w.Context, w.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return w
}

// within begins a wait, which ends with ctx, or after the longest time. done must be called after it.
func (w *waiting) within(ctx context.Context) (done func()) {
	stop := context.AfterFunc(ctx, func() { w.cancel(context.Cause(ctx)) })
	timer := time.AfterFunc(w.most, func() { w.cancel(postgres.ErrTimeout) })
	return func() {
		stop()
		timer.Stop()
	}
}

// failure names an error of the library, in the course of a statement.
func (c *conn) failure(w *waiting, err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case w.Err() != nil:
		return context.Cause(w)
	case errors.As(err, &refused) && c.pg.IsClosed(): // FATAL: the server ends the connection
		return c.backend.unavailable(err)
	case errors.As(err, &refused) && refused.Code == "08P01": // a bind message with too many or too few values
		return &postgres.ParameterError{Text: refused.Message}
	case errors.As(err, &refused):
		return serverError(refused)
	case c.pg.IsClosed():
		return c.backend.unavailable(err)
	}
	return err
}

// Check implements postgres.Conn.
func (c *conn) Check(ctx context.Context, statement string) error {
	if err := sendable(statement); err != nil {
		return err
	}
	w := c.backend.newWaiting(ctx)
	defer w.cancel(nil)
	defer w.within(ctx)()
	_, err := c.pg.Prepare(w, "", statement, nil)
	return c.failure(w, err)
}

// sendable finds out whether a statement can be sent: the protocol ends it with a zero byte.
func sendable(statement string) error {
	if strings.IndexByte(statement, 0) >= 0 {
		return postgres.ErrStatement
	}
	return nil
}

// Batch implements postgres.Conn.
func (c *conn) Batch(ctx context.Context, statements string) error {
	if err := sendable(statements); err != nil {
		return err
	}
	w := c.backend.newWaiting(ctx)
	defer w.cancel(nil)
	defer w.within(ctx)()
	results := c.pg.Exec(w, statements)
	for results.NextResult() {
		for r := results.ResultReader(); r.NextRow(); {
		}
	}
	return c.failure(w, results.Close())
}

// Query implements postgres.Conn. The server says what types parameters and columns have before the statement is run, so that values can be
// sent, and asked for, in the form of their types.
func (c *conn) Query(ctx context.Context, s postgres.Statement) (postgres.Rows, error) {
	if err := sendable(s.SQL); err != nil {
		return nil, err
	}
	w := c.backend.newWaiting(ctx)
	done := w.within(ctx)
	defer done()
	rows, err := c.query(w, s)
	if err != nil {
		err = c.failure(w, err)
		w.cancel(nil)
		return nil, err
	}
	return rows, nil
}

func (c *conn) query(w *waiting, s postgres.Statement) (*rows, error) {
	d, err := c.pg.Prepare(w, "", s.SQL, nil)
	if err != nil {
		return nil, err
	}
	if len(d.ParamOIDs) != len(s.Params) {
		return nil, &postgres.ParameterError{Text: fmt.Sprintf("the statement has %d parameters, and there are %d values", len(d.ParamOIDs), len(s.Params))}
	}
	values, formats := make([][]byte, len(s.Params)), make([]int16, len(s.Params))
	for i, p := range s.Params {
		switch {
		case p.Null:
		case p.Byte != nil && d.ParamOIDs[i] == pgtype.QCharOID:
			values[i], formats[i] = []byte{byte(*p.Byte)}, pgtype.BinaryFormatCode
		default:
			values[i] = []byte(p.Text)
		}
	}
	columns, wanted, asked := make([]postgres.Column, len(d.Fields)), make([]int16, len(d.Fields)), false
	for i, f := range d.Fields {
		name, known := c.typeName(f.DataTypeOID)
		if !known {
			if name, err = c.askTypeName(w, f.DataTypeOID); err != nil {
				return nil, err
			}
			asked = true
		}
		columns[i] = postgres.Column{Name: f.Name, Type: name}
		if s.Binary != nil && s.Binary(name) {
			wanted[i] = pgtype.BinaryFormatCode
		}
	}
	if asked { // which has replaced the statement
		if _, err := c.pg.Prepare(w, "", s.SQL, nil); err != nil {
			return nil, err
		}
	}
	r := &rows{conn: c, w: w, columns: columns, result: c.pg.ExecPrepared(w, "", values, formats, wanted)}
	// The first row is waited for, or the end, since most errors come before it.
	if err := r.read(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return r, nil
}

// typeKey is a type that a database has. A type that is made anew has another number.
type typeKey struct {
	database string
	oid      uint32
}

// maxNames bounds the names of types that are known.
const maxNames = 4096

// builtin are PostgreSQL's own types.
var builtin = pgtype.NewMap()

// typeName is the name of a type in pg_type, where it is known. Those of PostgreSQL itself have fixed numbers.
func (c *conn) typeName(oid uint32) (name string, known bool) {
	if t, ok := builtin.TypeForOID(oid); ok {
		return t.Name, true
	}
	c.backend.mu.Lock()
	defer c.backend.mu.Unlock()
	name, known = c.backend.names[typeKey{c.login.Database, oid}]
	return name, known
}

// askTypeName asks the server for the name of a type.
func (c *conn) askTypeName(ctx context.Context, oid uint32) (string, error) {
	results, err := c.pg.Exec(ctx, fmt.Sprintf("SELECT typname FROM pg_catalog.pg_type WHERE oid = %d", oid)).ReadAll()
	if err != nil {
		return "", err
	}
	name := fmt.Sprint(oid)
	if len(results) == 1 && len(results[0].Rows) == 1 && len(results[0].Rows[0]) == 1 {
		name = string(results[0].Rows[0][0])
	}
	b := c.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.names) >= maxNames {
		clear(b.names)
	}
	b.names[typeKey{c.login.Database, oid}] = name
	return name, nil
}

// rows implements postgres.Rows. The first row is read ahead.
type rows struct {
	conn    *conn
	w       *waiting
	columns []postgres.Column
	result  *pgconn.ResultReader
	row     [][]byte
	ended   error // io.EOF, or another error
	closed  bool
	tag     pgconn.CommandTag
}

// Columns implements postgres.Rows.
func (r *rows) Columns() []postgres.Column { return r.columns }

// Affected implements postgres.Rows.
func (r *rows) Affected() uint64 { return uint64(r.tag.RowsAffected()) }

// read reads the next row into r.row.
func (r *rows) read() error {
	if r.ended != nil {
		return r.ended
	}
	if r.result.NextRow() {
		values := r.result.Values()
		r.row = make([][]byte, len(values))
		for i, v := range values {
			if v != nil {
				r.row[i] = append([]byte{}, v...) // the library reads the next one into the same memory
			}
		}
		return nil
	}
	r.row = nil
	tag, err := r.result.Close()
	r.tag, r.ended = tag, io.EOF
	if err != nil {
		r.ended = r.conn.failure(r.w, err)
	}
	return r.ended
}

// Next implements postgres.Rows.
func (r *rows) Next(ctx context.Context) ([][]byte, error) {
	if r.row == nil {
		defer r.w.within(ctx)()
		if err := r.read(); err != nil {
			return nil, err
		}
	}
	row := r.row
	r.row = nil
	return row, nil
}

// A statement that is ended early is read to its end if that comes soon: its connection can be used again then.
const (
	drainRows = 1000
	drainTime = time.Second
)

// Close implements postgres.Rows.
func (r *rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	defer r.w.cancel(nil)
	if r.ended != nil {
		return
	}
	timer := time.AfterFunc(drainTime, func() { r.w.cancel(postgres.ErrTimeout) })
	defer timer.Stop()
	for n := 0; r.ended == nil; n++ {
		if n == drainRows {
			r.w.cancel(postgres.ErrTimeout) // has the library end the connection, and the server the statement
		}
		_ = r.read() // nobody is left to be told
	}
}
