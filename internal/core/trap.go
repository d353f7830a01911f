package core

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// unwind carries an error through guest frames as a panic. It wraps nothing, so that only callError sees its error.
type unwind struct{ err error }

func (u *unwind) Error() string { return "unwinding the guest" }

// hostModuleName is the module name of host functions in wazero's stack traces; guests are anonymous.
const hostModuleName = "$host"

// maxFrames bounds a trap's stack.
const maxFrames = 64

// trapCodes are wazero's run-time errors (its package wasmruntime, which is internal) as traps.
var trapCodes = map[string]cm.TrapCode{
	"unreachable":                   cm.TrapUnreachable,
	"out of bounds memory access":   cm.TrapOutOfBounds,
	"invalid table access":          cm.TrapTableOutOfBounds,
	"indirect call type mismatch":   cm.TrapIndirectCall,
	"integer divide by zero":        cm.TrapDivideByZero,
	"integer overflow":              cm.TrapOverflow,
	"invalid conversion to integer": cm.TrapBadConversion,
	"stack overflow":                cm.TrapStackOverflow,
	"null reference":                cm.TrapUninitialized,
}

// details tell apart cases that have one code in wazero and several in the specification.
var details = map[cm.TrapCode]string{
	cm.TrapTableOutOfBounds: "the index is out of bounds, or the element is uninitialized",
}

// callError turns an error of wazero's into a trap, or into what a host function returned. reuse says that the call
// object can be used again.
func (e *Engine) callError(err error) (_ error, reuse bool) {
	var u *unwind
	if errors.As(err, &u) {
		return withStack(u.err, e.frames(err.Error())), true
	}
	var re runtime.Error
	if errors.As(err, &re) {
		return &cm.Trap{Code: cm.TrapBug, Detail: err.Error()}, false
	}
	cause := err
	if w := errors.Unwrap(err); w != nil {
		cause = w
	}
	if code, ok := trapCodes[cause.Error()]; ok {
		return &cm.Trap{Code: code, Detail: details[code], Stack: e.frames(err.Error())}, true
	}
	if strings.HasPrefix(err.Error(), "module closed") {
		return errClosed, false
	}
	return &cm.Trap{Code: cm.TrapBug, Detail: err.Error()}, false
}

// withStack gives a trap a stack if it has none. The result is a copy, because an interrupt's trap belongs to
// its sender.
func withStack(err error, stack []string) error {
	t, ok := err.(*cm.Trap) //nolint:errorlint // a wrapped trap is left as it is
	if !ok || t.Stack != nil || len(stack) == 0 || err == errClosed {
		return err
	}
	c := *t
	c.Stack = stack
	return &c
}

// instantiateError turns an error of wazero's instantiation into a trap where it is one: a data segment out of bounds.
func instantiateError(err error) error {
	if strings.HasSuffix(err.Error(), "out of bounds memory access") {
		return &cm.Trap{Code: cm.TrapOutOfBounds, Detail: err.Error()}
	}
	return fmt.Errorf("core instance: %w", err)
}

// Panicked makes a trap of a panic, with code vitrine-bug. It is called from the deferred function that recovered it.
func Panicked(recovered any) *cm.Trap {
	t := &cm.Trap{Code: cm.TrapBug, Detail: fmt.Sprintf("panic: %v", recovered), HostStack: string(debug.Stack())}
	if err, ok := recovered.(error); ok {
		t.Err = err
	}
	return t
}

// signature is what wazero puts behind a function's name.
var signature = regexp.MustCompile(`\([a-z0-9,]*\)( [a-z0-9]+| \([a-z0-9,]+\))?$`)

// frames extracts the guest's functions from wazero's stack trace, innermost first, as authors know them: with the place in the
// source, where the module has that.
func (e *Engine) frames(text string) []string {
	_, trace, ok := strings.Cut(text, "wasm stack trace:\n\t")
	if !ok {
		return nil
	}
	if end := strings.Index(trace, "\n\n"); end >= 0 {
		trace = trace[:end]
	}
	var fs []frame
	for line := range strings.SplitSeq(trace, "\n\t") {
		if at, found := strings.CutPrefix(line, "\t"); found && len(fs) > 0 {
			fs[len(fs)-1].at = at
			continue
		}
		name, guest := strings.CutPrefix(line, ".")
		if !guest || strings.HasPrefix(line, "... ") || len(fs) == maxFrames {
			continue
		}
		if at := signature.FindStringIndex(name); at != nil {
			name = name[:at[0]]
		}
		fs = append(fs, frame{name: symbol(name)})
	}
	var out []string
	for _, f := range authors(fs) {
		out = append(out, f.name+e.place(f.at))
	}
	return out
}

// frame is a guest's function in a stack: its name, and what wazero says of the place.
type frame struct{ name, at string }

// isOverflow says that a call has ended because its stack was used up, as wazero reports it. A trap of a nested call
// is more exact.
func isOverflow(err error) bool {
	t, ok := err.(*cm.Trap) //nolint:errorlint // what callError has just made
	return ok && t.Code == cm.TrapStackOverflow && t.Detail == ""
}
