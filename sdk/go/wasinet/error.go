package wasinet

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasinet/internal/bindings"
)

// ErrNoHost is the error of connections outside of a component.
var ErrNoHost = errors.New("wasinet: there is no host: the program is not a component")

// Error is why the host has refused something, or why a connection has ended.
type Error struct {
	Code   string // as wasi:sockets has it: "access-denied", "connection-refused", "name-unresolvable", "connection-reset" …
	Detail string // for people; may be empty
}

// Error is the code in words, with the detail.
func (e *Error) Error() string {
	text := e.Code
	if e.Code == "access-denied" {
		text = "access denied: the workload does not grant it"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Timeout says whether the peer has not answered in time.
func (e *Error) Timeout() bool { return e.Code == "timeout" }

// Temporary says whether it is worth another try.
func (e *Error) Temporary() bool {
	return e.Code == "timeout" || e.Code == "temporary-resolver-failure"
}

func errorOf(code string, detail *string) *Error {
	e := &Error{Code: code}
	if detail != nil {
		e.Detail = *detail
	}
	return e
}

// failure is an error of the bindings as an *Error, if it is the host's.
func failure(err error) error {
	var code *cabi.Error[bindings.TypesErrorCode]
	if errors.As(err, &code) {
		return errorOf(code.Value.String(), code.Value.Other)
	}
	return err
}
