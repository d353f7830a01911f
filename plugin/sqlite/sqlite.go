// Package sqlite serves SQLite databases to components, by the interfaces that Spin's SDKs call: fermyon:spin/sqlite@2.0.0 and
// spin:sqlite/sqlite@3.1.0. The contract of backends is the test suite in sqlitetest; FUNCTIONS.md lists the functions and which
// outcomes of them are tested.
//
// A component names its databases, and its grants say which they are: deny is the default for every other name. Statements come from the
// guest, so a backend has to bound what one can do: open no other file, use bounded memory and end with its context.
package sqlite

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// Errors that guests get as a case of the interface's error. Backends return errors that wrap them.
var (
	ErrAccessDenied = errors.New("access denied")        // the component may not use the database
	ErrFull         = errors.New("the database is full") // it has reached its size
)

// StatementError is an error that the guest's own statement has caused. The guest gets its text, in which may be parts of the statement;
// operators get its Code alone.
type StatementError struct {
	Code string // the kind of error, in SQLite's words: "constraint failed"
	Text string // SQLite's message
}

// Error returns the code: the text may have parts of the statement.
func (e *StatementError) Error() string { return "the statement failed: " + e.Code }

// Owner is the component that opens a database.
type Owner = backend.Owner

// Backend opens databases. It must be safe for concurrent use, and implement [backend.Dropper] or [backend.Persistent], which decide
// about the data when the workload has ended.
type Backend interface {
	// Open opens a connection to an owner's database, and makes the database if there is none. name is one of the owner's grants.
	Open(ctx context.Context, owner Owner, name string) (Conn, error)
}

// Conn is a connection. The plugin makes one call at a time.
type Conn interface {
	// Query runs a statement, or several with semicolons between them, and returns what the last one does. Arguments are values for the
	// parameters of the last one, by their numbers. It ends, at the latest soon after ctx. add is called with the size of each row in bytes before it is kept;
	// if it returns an error, Query ends with that.
	Query(ctx context.Context, statement string, args []Value, add func(bytes int) error) (Result, error)
	// LastInsertID is the row id of the last row that the connection has inserted, 0 for none.
	LastInsertID() int64
	// Changes is how many rows the last statement that changed rows has changed.
	Changes() uint64
	// Close ends the connection, and rolls back what it has not committed.
	Close() error
}

// Value is a value of one of SQLite's types: int64, float64, string, []byte, or nil.
type Value any

// Result is what a statement returns. Each row has a value for each column. The caller owns it.
type Result struct {
	Columns []string
	Rows    [][]Value
}
