package sqlite

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/bindings/spin2"
)

// spin2Databases serves fermyon:spin/sqlite@2.0.0.
type spin2Databases struct{ databases }

// ConnectionOpen implements spin2.Sqlite.
func (d spin2Databases) ConnectionOpen(ctx context.Context, name string) (spin2.Connection, error) {
	c, err := d.open(ctx, name)
	if err != nil {
		return nil, spin2Failure(ctx, err)
	}
	return spin2Connection{c}, nil
}

type spin2Connection struct{ *connection }

// Execute implements spin2.Connection.
func (c spin2Connection) Execute(ctx context.Context, statement string, parameters []spin2.Value) (spin2.QueryResult, error) {
	var held cm.Holding
	defer held.Release()
	args := make([]Value, len(parameters))
	for i, p := range parameters {
		args[i] = spin2Argument(p)
	}
	r, err := c.query(ctx, statement, args, &held)
	if err != nil {
		return spin2.QueryResult{}, spin2Failure(ctx, err)
	}
	out := spin2.QueryResult{Columns: r.Columns, Rows: make([]spin2.RowResult, len(r.Rows))}
	for i, row := range r.Rows {
		values := make([]spin2.Value, len(row))
		for k, v := range row {
			values[k] = spin2Value(v)
		}
		out.Rows[i] = spin2.RowResult{Values: values}
	}
	return out, nil
}

func spin2Argument(v spin2.Value) Value {
	switch v.Tag {
	case spin2.ValueTagInteger:
		return v.Integer
	case spin2.ValueTagReal:
		return v.Real
	case spin2.ValueTagText:
		return v.Text
	case spin2.ValueTagBlob:
		return v.Blob
	}
	return nil
}

func spin2Value(v Value) spin2.Value {
	switch v := v.(type) {
	case int64:
		return spin2.ValueInteger(v)
	case float64:
		return spin2.ValueReal(v)
	case string:
		return spin2.ValueText(v)
	case []byte:
		return spin2.ValueBlob(v)
	}
	return spin2.ValueNull()
}

func spin2Failure(ctx context.Context, err error) error {
	k, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor([]spin2.Error{
		kindNoDatabase: spin2.ErrorNoSuchDatabase(), kindDenied: spin2.ErrorAccessDenied(), kindInvalid: spin2.ErrorInvalidConnection(),
		kindFull: spin2.ErrorDatabaseFull(), kindIO: spin2.ErrorIO(text),
	}[k], cause)
}
