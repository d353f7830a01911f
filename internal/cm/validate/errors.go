package validate

import (
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Feature is a part of the specification that is gated: it decodes, and is refused by its name unless allowed.
type Feature string

// The features. Values, Memory64, GC, SharedThreads and NestedNames are never accepted; allowing them changes nothing.
const (
	Values          Feature = "values"                    // value and start definitions, value imports and exports
	ErrorContext    Feature = "error-context"             // the type and its built-ins
	CoopThreads     Feature = "threads"                   // thread.* but thread.yield
	SharedThreads   Feature = "shared-everything-threads" // thread.spawn-*, shared core types
	StackfulLift    Feature = "stackful"                  // canon lift async without a callback
	Memory64        Feature = "memory64"                  // 64-bit memories and resource representations
	GC              Feature = "gc"                        // core GC types and the gc and core-type options
	CanonicalNames  Feature = "canonical interface names" // versionsuffix, @1 as a version
	NestedNames     Feature = "nested namespaces"         // a:b:c/d/e
	StackSwitching  Feature = "stack-switching"           // core continuation types
	CustomPageSizes Feature = "custom page sizes"         // core memories
	BackpressureSet Feature = "backpressure.set"          // replaced by backpressure.inc and .dec
)

// Options says what else to accept. The zero value accepts exactly what 0.2 and 0.3 of the specification have.
type Options struct {
	Allow map[Feature]bool
}

// Error says which rule a component breaks, and where.
type Error struct {
	Offset  int     // of the definition, from the start of the file
	Feature Feature // set when the component needs a feature that is not supported
	Limit   bool    // no rule is broken, but a bound of this implementation
	Msg     string
}

// Error is "offset 0x1f: …".
func (e *Error) Error() string { return fmt.Sprintf("offset %#x: %s", e.Offset, e.Msg) }

// errorf makes an error at pos. It takes over Feature and Limit of an error among args.
func errorf(pos int, format string, args ...any) error {
	e := &Error{Offset: pos, Msg: binary.Printable(fmt.Sprintf(format, args...))}
	for _, a := range args {
		if cause, ok := a.(error); ok {
			e.classify(cause)
		}
	}
	return e
}

func (e *Error) classify(cause error) {
	var inner *Error
	var bytes *binary.Error
	var gated *featureError
	switch {
	case errors.Is(cause, errTooComplex):
		e.Limit = true
	case errors.As(cause, &gated):
		e.Feature = gated.feature
	case errors.As(cause, &inner):
		e.Limit, e.Feature = inner.Limit, inner.Feature
	case errors.As(cause, &bytes):
		e.Limit, e.Feature = bytes.Kind == binary.KindLimit, Feature(bytes.Feature)
	}
}

// featureError is a mismatch because of a feature that is not allowed; its position is added later.
type featureError struct {
	feature Feature
	what    string
}

func (e *featureError) Error() string {
	return fmt.Sprintf("feature %q is not supported: %s", e.feature, e.what)
}

// limitf is errorf for a bound of this implementation.
func limitf(pos int, format string, args ...any) error {
	return &Error{Offset: pos, Limit: true, Msg: fmt.Sprintf(format, args...)}
}

// gate refuses a feature by name unless it is allowed.
func (v *validator) gate(pos int, f Feature, what string) error {
	if v.opts.Allow[f] {
		return nil
	}
	if f == CoopThreads || f == StackfulLift || f == ErrorContext {
		return &Error{Offset: pos, Feature: f, Msg: binary.Printable(fmt.Sprintf(
			"feature %q is off: %s; ask for it with features: [%s] or --features %s", f, what, f, f))}
	}
	return refuse(pos, f, what)
}

func refuse(pos int, f Feature, what string) error {
	return &Error{Offset: pos, Feature: f, Msg: binary.Printable(fmt.Sprintf("feature %q is not supported: %s", f, what))}
}
