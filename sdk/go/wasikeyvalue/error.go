package wasikeyvalue

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasikeyvalue/internal/bindings"
)

// What an [*Error] may hold, for errors.Is.
var (
	ErrNoHost       = errors.New("there is no host: the program is not a component")
	ErrNoStore      = errors.New("no such store: the workload grants none of this name")
	ErrAccessDenied = errors.New("access denied")
	ErrClosed       = errors.New("the bucket is closed")
)

// Error says what has failed with which bucket, and why.
type Error struct {
	Op     string // "open", "get", "set", "delete", "exists", "list", "increment", "swap", and with several keys "get-many", "set-many", "delete-many"
	Bucket string
	Key    string // empty for what is not about one key
	Err    error  // one of the above, or what the host says in words
}

// Error is the cause, with what has failed.
func (e *Error) Error() string {
	text := "keyvalue: " + e.Op + " " + e.Bucket
	if e.Key != "" {
		text += ": " + e.Key
	}
	return text + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause is an error of the bindings in the package's words.
func cause(err error) error {
	var failed *cabi.Error[bindings.Error]
	var swap *cabi.Error[bindings.CasError]
	switch {
	case errors.As(err, &failed):
		return causeOf(failed.Value)
	case errors.As(err, &swap):
		return causeOf(swap.Value.StoreError)
	}
	return err
}

func causeOf(e bindings.Error) error {
	switch e.Tag {
	case bindings.ErrorTagNoSuchStore:
		return ErrNoStore
	case bindings.ErrorTagAccessDenied:
		return ErrAccessDenied
	}
	return errors.New(e.Other)
}
