package sockets

import (
	"cmp"
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/vitrine-wasm/vitrine/internal/errno"
)

// Code is an error code of wasi:sockets/network, as WIT spells it.
type Code string

// The codes that this package returns by itself; others come from the system's errors.
const (
	CodeUnknown             Code = "unknown"
	CodeAccessDenied        Code = "access-denied"
	CodeNotSupported        Code = "not-supported"
	CodeInvalidArgument     Code = "invalid-argument"
	CodeTimeout             Code = "timeout"
	CodeConcurrencyConflict Code = "concurrency-conflict"
	CodeNotInProgress       Code = "not-in-progress"
	CodeWouldBlock          Code = "would-block"
	CodeInvalidState        Code = "invalid-state"
	CodeSocketLimit         Code = "new-socket-limit"
	CodeAddressInUse        Code = "address-in-use"
	CodeConnectionRefused   Code = "connection-refused"
	CodeDatagramTooLarge    Code = "datagram-too-large"
	CodeNameUnresolvable    Code = "name-unresolvable"
	CodeTemporaryFailure    Code = "temporary-resolver-failure"
	CodePermanentFailure    Code = "permanent-resolver-failure"
)

// Error is a failed operation.
type Error struct {
	Code Code
	Err  error // the cause; nil if Code says it all
}

// Error is the code, and the cause where there is one.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func failed(c Code) error { return &Error{Code: c} }

// wouldBlock says whether err is would-block.
func wouldBlock(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == CodeWouldBlock
}

// failure turns an error of the system into an *Error.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if n, ok := errno.Of(err); ok {
		return &Error{cmp.Or(codes[n], CodeUnknown), n}
	}
	var t interface{ Timeout() bool }
	switch {
	case errors.Is(err, fs.ErrClosed), errors.Is(err, net.ErrClosed):
		return failed(CodeInvalidState)
	case errors.Is(err, errors.ErrUnsupported):
		return failed(CodeNotSupported)
	case errors.As(err, &t) && t.Timeout():
		return failed(CodeTimeout)
	}
	return &Error{CodeUnknown, err}
}

var codes = map[syscall.Errno]Code{
	syscall.EACCES: CodeAccessDenied, syscall.EPERM: CodeAccessDenied,
	syscall.ENOTSUP: CodeNotSupported, syscall.EAFNOSUPPORT: CodeNotSupported, syscall.EPROTONOSUPPORT: CodeNotSupported, syscall.ENOPROTOOPT: CodeNotSupported,
	syscall.EINVAL: CodeInvalidArgument, syscall.EDESTADDRREQ: CodeInvalidArgument,
	syscall.ENOMEM: "out-of-memory", syscall.ENOBUFS: "out-of-memory",
	syscall.ETIMEDOUT: CodeTimeout, syscall.EALREADY: CodeConcurrencyConflict, syscall.EAGAIN: CodeWouldBlock,
	syscall.EISCONN: CodeInvalidState, syscall.ENOTCONN: CodeInvalidState, syscall.EBADF: CodeInvalidState,
	syscall.EMFILE: CodeSocketLimit, syscall.ENFILE: CodeSocketLimit,
	syscall.EADDRNOTAVAIL: "address-not-bindable", syscall.EADDRINUSE: CodeAddressInUse,
	syscall.EHOSTUNREACH: "remote-unreachable", syscall.EHOSTDOWN: "remote-unreachable", syscall.ENETUNREACH: "remote-unreachable",
	syscall.ENETDOWN: "remote-unreachable", syscall.ENETRESET: "remote-unreachable",
	syscall.ECONNREFUSED: CodeConnectionRefused, syscall.ECONNRESET: "connection-reset", syscall.EPIPE: "connection-reset",
	syscall.ECONNABORTED: "connection-aborted", syscall.EMSGSIZE: CodeDatagramTooLarge,
}
