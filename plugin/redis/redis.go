// Package redis serves Redis and Valkey servers to components, by the interfaces that Spin's SDKs call: redis of fermyon:spin@2.0.0 and
// spin:redis@3.0.0. FUNCTIONS.md lists the functions and which outcomes of them are tested.
//
// A component gives the address of a server, or the name of one, and its grants say which servers those are: any other is denied. What commands
// may do with what is stored is decided by the rights of the user as whom the server knows the connection, which the grant gives, or leaves to
// the guest. Commands that would change the connection, which others use after it, wait in the server, or administer the server are refused:
// see [CheckCommand].
package redis

import (
	"context"
	"errors"
)

// Errors of backends, which they return or wrap.
var (
	// ErrUnavailable says that the server does not answer, refuses the login, or that the connection was lost. A command that was under way may have
	// been done.
	ErrUnavailable = errors.New("the server cannot be reached")
	// ErrConnections says that all connections are in use, here or in the server.
	ErrConnections = errors.New("there are too many open connections")
	// ErrTooLarge says that an answer is larger than MaxReply.
	ErrTooLarge = errors.New("the answer is too large")
)

// MaxReply bounds the answer to one command, in bytes.
const MaxReply = 64 << 20

// ServerError is an error that the server reports. The guest gets its text; operators get its code alone, since the text may have parts of
// the command.
type ServerError struct {
	Code string // the first word: ERR, WRONGTYPE, NOAUTH
	Text string // all of it
}

// Error returns the code.
func (e *ServerError) Error() string { return "the server says " + e.Code }

// StoreStatus is the code, for observers.
func (e *ServerError) StoreStatus() string { return e.Code }

// Login is what the guest's address says of the login. It counts where the grant says nothing of it.
type Login struct {
	User, Password string
	Database       int // its number
}

// Backend is a server. It must be safe for concurrent use. One that is an [io.Closer] is closed when nobody uses it.
type Backend interface {
	// Open returns a client, and need not connect: its calls do. The error wraps ErrConnections where there are too many logins.
	Open(as Login) (Client, error)
}

// Client runs commands, each on any connection of a pool. It must be safe for concurrent use.
type Client interface {
	// Database is the number of the database.
	Database() int
	// Do runs a command, whose arguments are string, []byte and int64, within some seconds and within ctx. The answer is nil, a Status, an int64, a
	// []byte or an []any of these, and the caller's; an error of the server's is a *ServerError. hold is told of the bytes that the answer takes, before they are
	// kept; its error ends the call.
	Do(ctx context.Context, hold func(bytes int) error, args ...any) (any, error)
	// Close ends the use of the client.
	Close()
}

// Status is an answer that is a word of the protocol: OK.
type Status string
