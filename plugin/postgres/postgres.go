// Package postgres serves PostgreSQL databases to components, by the interfaces that Spin's SDKs call (fermyon:spin/postgres@2.0.0,
// spin:postgres 3.0.0 and 4.2.0) and by wasmcloud:postgres@0.2.0. The contract of backends is the test suite in postgrestest.
//
// A component names a database, or gives the address of one, and its grants say which servers those are: any other is denied. Statements
// come from the guest. What they may do in the database is decided by the rights of the user as whom the server knows the connection, which
// the grant gives, or leaves to the guest. A backend bounds what statements cost the host: connections, memory and time.
package postgres

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors of backends, which they return or wrap.
var (
	// ErrUnavailable says that there is no connection to the server: it does not answer, it refuses the login, or the connection was lost. A statement that
	// was under way may have been done.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrTimeout says that the statement has taken longer than the backend allows. It may have been done.
	ErrTimeout = errors.New("the statement has taken too long")
	// ErrStatement says that the statement cannot be sent to a server.
	ErrStatement = errors.New("a statement has no zero bytes")
)

// ServerError is an error that the server reports. The guest gets all of it; operators get its code alone, since its texts may have parts
// of the statement and of what is stored.
type ServerError struct {
	Severity string // ERROR, FATAL, PANIC
	Code     string // the SQLSTATE
	Message  string
	Detail   string      // empty: none
	Extras   [][2]string // the other fields, by their names: hint, constraint
}

// Error returns the code.
func (e *ServerError) Error() string { return "the server says " + e.Severity + ", SQLSTATE " + e.Code }

// StoreStatus is the code, for observers.
func (e *ServerError) StoreStatus() string { return e.Code }

// text is the whole message, for the guest.
func (e *ServerError) text() string {
	if e.Detail == "" {
		return e.Severity + ": " + e.Message
	}
	return e.Severity + ": " + e.Message + "\nDETAIL: " + e.Detail
}

// ParameterError says what is wrong with a parameter, to the guest: the text may have its value.
type ParameterError struct{ Text string }

// Error hides the text.
func (*ParameterError) Error() string { return "a parameter is wrong" }

// Login is what the guest's address says of the login. It counts where the grant says nothing of it.
type Login struct {
	User, Password, Database string
	TLS                      string // an sslmode of PostgreSQL's; empty: the backend's default
	CA                       string // certificates in PEM that vouch for the server; empty: those of the host
}

// Backend opens connections to one server. It must be safe for concurrent use. It may be an [io.Closer].
type Backend interface {
	// Open takes a connection that nobody uses, and waits for one if there are too many. The error wraps ErrUnavailable if the server is the
	// reason.
	Open(ctx context.Context, as Login) (Conn, error)
}

// Conn is a connection: a session of the server, in which nothing is left of earlier ones. The plugin makes one call at a time, and none
// while it has Rows that were not closed.
type Conn interface {
	// Database is the name of the database.
	Database() string
	// Query runs one statement. It ends soon after ctx; Rows do not depend on ctx.
	Query(ctx context.Context, s Statement) (Rows, error)
	// Check has the server compile a statement, and does not run it.
	Check(ctx context.Context, statement string) error
	// Batch runs one or several statements, which have no parameters, and drops their results.
	Batch(ctx context.Context, statements string) error
	// State says how the connection is between calls.
	State() State
	// Close ends the use of the connection. What was not committed is rolled back.
	Close()
}

// State is the state of a connection between two calls.
type State int

// The states of a connection.
const (
	Idle          State = iota // outside of a transaction
	InTransaction              // a transaction was begun, and not ended
	Lost                       // the connection is of no use any more
)

// Statement is a statement with its parameters.
type Statement struct {
	SQL    string
	Params []Param
	// Binary says of a type, by its name in pg_type, whether values in the result are wanted in PostgreSQL's binary format instead of as text.
	Binary func(typ string) bool
}

// Param is the value of a parameter, as a text that PostgreSQL reads for whatever type it has given the parameter.
type Param struct {
	Text string
	Null bool
	// Byte is the value of an 8-bit number, which is what PostgreSQL's type "char" stores: it is sent in the text's place where the parameter
	// has that type. Nil: the value is no such number.
	Byte *int8
}

// Column is a column of a result. Type is its name in pg_type: int4, _text, or that of a type of the database's own.
type Column struct{ Name, Type string }

// Rows are the result of a statement that has been run, or is running. They must be closed.
type Rows interface {
	// Columns are the columns; none for a statement without a result.
	Columns() []Column
	// Next reads the next row: a value for each column, nil for NULL. The caller owns it. The error is io.EOF after the last one. It ends soon after
	// ctx; then the connection is lost.
	Next(ctx context.Context) ([][]byte, error)
	// Affected is how many rows the statement has changed or returned, after Next has returned io.EOF.
	Affected() uint64
	// Close ends the statement, where it has not ended.
	Close()
}

// rowsTo passes the rows on until their end, or an error of f, and closes them.
func rowsTo(ctx context.Context, r Rows, f func(row [][]byte) error) error {
	defer r.Close()
	for {
		row, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(row)
		}
		if err != nil {
			return err
		}
	}
}

// DefaultTimeout is how long a backend lets a statement take.
const DefaultTimeout = 30 * time.Second
