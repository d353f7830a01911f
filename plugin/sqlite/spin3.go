package sqlite

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
)

// spin3Databases serves spin:sqlite/sqlite@3.1.0.
type spin3Databases struct{ databases }

// ConnectionOpen implements spin3.Sqlite.
func (d spin3Databases) ConnectionOpen(ctx context.Context, name string) (spin3.Connection, error) {
	c, err := d.open(ctx, name)
	if err != nil {
		return nil, spin3Failure(ctx, err)
	}
	return spin3Connection{c}, nil
}

// ConnectionOpenAsync implements spin3.Sqlite.
func (d spin3Databases) ConnectionOpenAsync(ctx context.Context, name string) (spin3.Connection, error) {
	return d.ConnectionOpen(ctx, name)
}

type spin3Connection struct{ *connection }

// Execute implements spin3.Connection.
func (c spin3Connection) Execute(ctx context.Context, statement string, parameters []spin3.Value) (spin3.QueryResult, error) {
	var held cm.Holding
	defer held.Release()
	r, err := c.query(ctx, statement, spin3Arguments(parameters), &held)
	if err != nil {
		return spin3.QueryResult{}, spin3Failure(ctx, err)
	}
	out := spin3.QueryResult{Columns: r.Columns, Rows: make([]spin3.RowResult, len(r.Rows))}
	for i, row := range r.Rows {
		out.Rows[i] = spin3Row(row)
	}
	return out, nil
}

// rows are the parts of a result of spin:sqlite's asynchronous function.
type rows = cm.Tuple3[[]string, *cm.StreamReader[spin3.RowResult], *cm.FutureReader[cm.Result[struct{}, spin3.Error]]]

// ExecuteAsync implements spin3.Connection. All rows are read before it returns, so that the next statement need not wait until the guest
// has read them.
func (c spin3Connection) ExecuteAsync(ctx context.Context, statement string, parameters []spin3.Value) (out rows, err error) {
	var held cm.Holding
	r, err := c.query(ctx, statement, spin3Arguments(parameters), &held)
	if err != nil {
		held.Release()
		return out, spin3Failure(ctx, err)
	}
	w, reader := cm.NewStream[spin3.RowResult]()
	ended, end := flow.Outcome(func(err error) spin3.Error { return spin3.ErrorIO(err.Error()) })
	next := func(context.Context) (spin3.RowResult, error) {
		if len(r.Rows) == 0 {
			return spin3.RowResult{}, io.EOF
		}
		row := r.Rows[0]
		r.Rows = r.Rows[1:]
		return spin3Row(row), nil
	}
	err = flow.FeedValues(flow.Of(ctx), w, next, func(spin3.RowResult) {}, func(ctx context.Context, err error) {
		held.Release()
		end(ctx, err)
	})
	if err != nil {
		held.Release()
	}
	return rows{F0: r.Columns, F1: reader, F2: ended}, err
}

// LastInsertRowid implements spin3.Connection.
func (c spin3Connection) LastInsertRowid(ctx context.Context) (int64, error) {
	return c.lastInsertID(ctx)
}

// LastInsertRowidAsync implements spin3.Connection.
func (c spin3Connection) LastInsertRowidAsync(ctx context.Context) (int64, error) {
	return c.lastInsertID(ctx)
}

// Changes implements spin3.Connection.
func (c spin3Connection) Changes(ctx context.Context) (uint64, error) { return c.changes(ctx) }

// ChangesAsync implements spin3.Connection.
func (c spin3Connection) ChangesAsync(ctx context.Context) (uint64, error) { return c.changes(ctx) }

func spin3Arguments(parameters []spin3.Value) []Value {
	args := make([]Value, len(parameters))
	for i, p := range parameters {
		args[i] = spin3Argument(p)
	}
	return args
}

func spin3Row(row []Value) spin3.RowResult {
	values := make([]spin3.Value, len(row))
	for i, v := range row {
		values[i] = spin3Value(v)
	}
	return spin3.RowResult{Values: values}
}

func spin3Argument(v spin3.Value) Value {
	switch v.Tag {
	case spin3.ValueTagInteger:
		return v.Integer
	case spin3.ValueTagReal:
		return v.Real
	case spin3.ValueTagText:
		return v.Text
	case spin3.ValueTagBlob:
		return v.Blob
	}
	return nil
}

func spin3Value(v Value) spin3.Value {
	switch v := v.(type) {
	case int64:
		return spin3.ValueInteger(v)
	case float64:
		return spin3.ValueReal(v)
	case string:
		return spin3.ValueText(v)
	case []byte:
		return spin3.ValueBlob(v)
	}
	return spin3.ValueNull()
}

func spin3Failure(ctx context.Context, err error) error {
	k, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor([]spin3.Error{
		kindNoDatabase: spin3.ErrorNoSuchDatabase(), kindDenied: spin3.ErrorAccessDenied(), kindInvalid: spin3.ErrorInvalidConnection(),
		kindFull: spin3.ErrorDatabaseFull(), kindIO: spin3.ErrorIO(text),
	}[k], cause)
}
