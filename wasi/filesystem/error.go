package filesystem

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/vitrine-wasm/vitrine/internal/errno"
)

// Code is an error code of wasi:filesystem, as WIT spells it: "no-entry".
type Code string

// The codes that this package returns by itself; others come from the system's errors.
const (
	CodeAccess        Code = "access"
	CodeBadDescriptor Code = "bad-descriptor"
	CodeCrossDevice   Code = "cross-device"
	CodeExist         Code = "exist"
	CodeIllegalBytes  Code = "illegal-byte-sequence"
	CodeInvalid       Code = "invalid"
	CodeIO            Code = "io"
	CodeIsDirectory   Code = "is-directory"
	CodeLoop          Code = "loop"
	CodeNoEntry       Code = "no-entry"
	CodeNoMemory      Code = "insufficient-memory" // also: the quota of open files
	CodeNotDirectory  Code = "not-directory"
	CodeNotPermitted  Code = "not-permitted"
	CodeReadOnly      Code = "read-only"
	CodeTooLarge      Code = "file-too-large"
	CodeUnsupported   Code = "unsupported"
)

// Error is a failed operation.
type Error struct {
	Code Code
	Err  error // the cause without paths; nil if Code says it all
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

// failure turns an error of the system into an *Error. Paths are left out: they are the host's.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	number, numbered := errno.Of(err)
	if c, ok := codes[number]; ok && numbered {
		return &Error{c, number}
	}
	for _, k := range []struct {
		err  error
		code Code
	}{{fs.ErrNotExist, CodeNoEntry}, {fs.ErrExist, CodeExist}, {fs.ErrPermission, CodeAccess}, {fs.ErrClosed, CodeBadDescriptor}, {errors.ErrUnsupported, CodeUnsupported}} {
		if errors.Is(err, k.err) {
			return &Error{k.code, k.err}
		}
	}
	root := err
	for e := errors.Unwrap(root); e != nil; e = errors.Unwrap(root) {
		root = e
	}
	if root.Error() == "path escapes from parent" { // os.Root has no exported value for it
		return failed(CodeNotPermitted)
	}
	if numbered {
		return &Error{CodeIO, number}
	}
	return failed(CodeIO)
}

// CodeOf is the code of a file's error: one of this package's, or the system's error of a file that the process was started
// with, such as standard input. false for another kind of error.
func CodeOf(err error) (Code, bool) {
	var known *Error
	if errors.As(err, &known) {
		return known.Code, true
	}
	var path *fs.PathError
	if errors.As(err, &path) && errors.As(failure(path), &known) {
		return known.Code, true
	}
	return "", false
}

var codes = map[syscall.Errno]Code{
	syscall.EACCES: CodeAccess, syscall.EAGAIN: "would-block", syscall.EALREADY: "already", syscall.EBADF: CodeBadDescriptor,
	syscall.EBUSY: "busy", syscall.EDEADLK: "deadlock", syscall.EDQUOT: "quota", syscall.EEXIST: CodeExist,
	syscall.EFBIG: CodeTooLarge, syscall.EILSEQ: CodeIllegalBytes, syscall.EINPROGRESS: "in-progress",
	syscall.EINTR: "interrupted", syscall.EINVAL: CodeInvalid, syscall.EIO: CodeIO, syscall.EISDIR: CodeIsDirectory,
	syscall.ELOOP: CodeLoop, syscall.EMLINK: "too-many-links", syscall.EMSGSIZE: "message-size",
	syscall.ENAMETOOLONG: "name-too-long", syscall.ENODEV: "no-device", syscall.ENOENT: CodeNoEntry,
	syscall.ENOLCK: "no-lock", syscall.ENOMEM: CodeNoMemory, syscall.EMFILE: CodeNoMemory, syscall.ENFILE: CodeNoMemory, syscall.ENOSPC: "insufficient-space",
	syscall.ENOTDIR: CodeNotDirectory, syscall.ENOTEMPTY: "not-empty", syscall.ENOTSUP: CodeUnsupported,
	syscall.ENOSYS: CodeUnsupported, syscall.ENOTTY: "no-tty", syscall.ENXIO: "no-such-device",
	syscall.EOVERFLOW: "overflow", syscall.EPERM: CodeNotPermitted, syscall.EPIPE: "pipe", syscall.EROFS: CodeReadOnly,
	syscall.ESPIPE: "invalid-seek", syscall.ETXTBSY: "text-file-busy", syscall.EXDEV: CodeCrossDevice,
}
