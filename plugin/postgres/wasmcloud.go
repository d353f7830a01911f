package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/wasmcloud"
)

// wasmcloudDatabase serves wasmcloud:postgres 0.2.0, whose functions name no database: it is the one that is granted as default. Each call
// has a connection of its own, so that many can be under way.
type wasmcloudDatabase struct {
	*databases

	mu       sync.Mutex
	prepared map[string]string // statements by their tokens
}

// maxPrepared bounds the statements that a component prepares. Each has a text of the guest's.
const maxPrepared = 1000

// errUnprepared says that there is no statement with a token.
var errUnprepared = errors.New("no such prepared statement")

// errPrepared says that a component has prepared too many statements.
var errPrepared = errors.New("the component has prepared 1000 statements; no more are kept")

// connect opens a connection to the granted database.
func (d *wasmcloudDatabase) connect(ctx context.Context) (*wasmcloudConn, error) {
	r, err := d.Named(ctx, backend.Default)
	if err != nil {
		return nil, err
	}
	t := target{r.Backend, r.Watch, Login{}}
	conn, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	host.StoreCallFrom(ctx).Reaches("postgresql", conn.Database())
	return &wasmcloudConn{conn, t}, nil
}

// wasmcloudConn is the connection of a call.
type wasmcloudConn struct {
	Conn
	target target
}

// Query implements Conn.
func (c *wasmcloudConn) Query(ctx context.Context, s Statement) (Rows, error) {
	return c.target.query(ctx, c.Conn, s)
}

// wasmcloudRows are the parts of a result.
type wasmcloudRows = cm.Tuple3[[]wasmcloud.ColumnName, *cm.StreamReader[wasmcloud.Row], *cm.FutureReader[cm.Result[struct{}, wasmcloud.Error]]]

// Query implements wasmcloud.Query.
func (d *wasmcloudDatabase) Query(ctx context.Context, query string, params []wasmcloud.PgValue) (out wasmcloudRows, err error) {
	s, err := wasmcloudStatement(query, params)
	if err != nil {
		return out, wasmcloudFailure(ctx, err)
	}
	conn, err := d.connect(ctx)
	if err != nil {
		return out, wasmcloudFailure(ctx, err)
	}
	rows, err := conn.Query(ctx, s)
	if err != nil {
		conn.Close()
		return out, wasmcloudFailure(ctx, err)
	}
	r := newResult(ctx, rows, conn.Close)
	out.F0 = convert(r.cols, func(c Column) string { return c.Name })
	out.F1, out.F2, err = feed(ctx, r, wasmcloudRow, wasmcloudError)
	return out, err
}

// QueryBatch implements wasmcloud.Query.
func (d *wasmcloudDatabase) QueryBatch(ctx context.Context, query string) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return wasmcloudFailure(ctx, err)
	}
	defer conn.Close()
	if err := conn.Batch(ctx, query); err != nil {
		return wasmcloudFailure(ctx, err)
	}
	return nil
}

// Prepare implements wasmcloud.Prepared. The server checks the statement, and it is the text that is kept: the token is good for any connection, after a
// restart of the server, and when the tables have changed.
func (d *wasmcloudDatabase) Prepare(ctx context.Context, statement string) (wasmcloud.PreparedStatementToken, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return "", wasmcloudFailure(ctx, err)
	}
	defer conn.Close()
	if err := conn.Check(ctx, statement); err != nil {
		return "", wasmcloudFailure(ctx, err)
	}
	sum := sha256.Sum256([]byte(statement))
	token := hex.EncodeToString(sum[:16])
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.prepared == nil {
		d.prepared = map[string]string{}
	}
	if _, known := d.prepared[token]; !known && len(d.prepared) >= maxPrepared {
		return "", wasmcloudFailure(ctx, errPrepared)
	}
	d.prepared[token] = statement
	return token, nil
}

// Exec implements wasmcloud.Prepared.
func (d *wasmcloudDatabase) Exec(ctx context.Context, token wasmcloud.PreparedStatementToken, params []wasmcloud.PgValue) (uint64, error) {
	d.mu.Lock()
	statement, ok := d.prepared[token]
	d.mu.Unlock()
	if !ok {
		return 0, cm.FailFor(wasmcloud.ErrorUnknownPreparedStatement(), errUnprepared)
	}
	s, err := wasmcloudStatement(statement, params)
	if err != nil {
		return 0, wasmcloudFailure(ctx, err)
	}
	conn, err := d.connect(ctx)
	if err != nil {
		return 0, wasmcloudFailure(ctx, err)
	}
	defer conn.Close()
	rows, err := conn.Query(ctx, s)
	if err != nil {
		return 0, wasmcloudFailure(ctx, err)
	}
	n, err := drained(ctx, rows)
	if err != nil {
		return 0, wasmcloudFailure(ctx, err)
	}
	return n, nil
}

func wasmcloudStatement(query string, params []wasmcloud.PgValue) (Statement, error) {
	s := Statement{SQL: query, Params: make([]Param, len(params)), Binary: wasmcloudBinary}
	for i := range params {
		if params[i].Tag == wasmcloud.PgValueTagNull {
			s.Params[i].Null = true
			continue
		}
		var err error
		if s.Params[i].Text, err = wasmcloudText(&params[i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

func wasmcloudRow(cols []Column, values [][]byte) (wasmcloud.Row, error) {
	row := make(wasmcloud.Row, len(values))
	for i, data := range values {
		if data == nil {
			row[i] = wasmcloud.PgValueNull()
			continue
		}
		var err error
		if row[i], err = wasmcloudValue(cols[i].Type, data); err != nil {
			return nil, &valueError{cols[i].Type, err.Error()}
		}
	}
	return row, nil
}

// wasmcloudFailure is the error of a function.
func wasmcloudFailure(ctx context.Context, err error) error {
	f, ok := failureOf(ctx, err)
	if !ok {
		return f.cause
	}
	return cm.FailFor(f.wasmcloud(), f.cause)
}

// wasmcloudError is an error as the value of a future.
func wasmcloudError(ctx context.Context, err error) wasmcloud.Error {
	f, _ := failureOf(ctx, err)
	return f.wasmcloud()
}

func (f failure) wasmcloud() wasmcloud.Error {
	switch f.kind {
	case kindUnavailable:
		return wasmcloud.ErrorConnectionFailed(f.text)
	case kindDenied:
		return wasmcloud.ErrorAccessDenied()
	case kindParameter:
		return wasmcloud.ErrorInvalidParams(f.text)
	case kindStatement:
		return wasmcloud.ErrorInvalidQuery(f.text)
	case kindTimeout:
		return wasmcloud.ErrorTimeout()
	case kindServer:
		e := wasmcloud.DbError{Code: f.server.Code, Severity: f.server.Severity, Message: f.server.Message, Extras: extras(f.server)}
		if f.server.Detail != "" {
			e.Detail = &f.server.Detail
		}
		return wasmcloud.ErrorQueryFailed(e)
	case kindValue:
		return wasmcloud.ErrorValueConversionFailed(f.text)
	}
	return wasmcloud.ErrorOther(f.text)
}
