package component

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// LoadErrorKind is the kind of a [LoadError], in a word or two that are fit for a log or a metric.
type LoadErrorKind string

// The kinds of LoadError.
const (
	LoadEmpty          LoadErrorKind = "empty"           // no bytes at all
	LoadNotWasm        LoadErrorKind = "not-wasm"        // not a WebAssembly binary
	LoadText           LoadErrorKind = "text"            // a text file: WebAssembly text or anything else
	LoadCoreModule     LoadErrorKind = "core-module"     // a core module where a component is wanted
	LoadUnknownVersion LoadErrorKind = "unknown-version" // a component of another version or layer of the format
	LoadTruncated      LoadErrorKind = "truncated"       // the file ends too early
	LoadMalformed      LoadErrorKind = "malformed"       // bytes that the format does not allow
	LoadInvalid        LoadErrorKind = "invalid"         // well-formed, but against a rule of validation
	LoadUnsupported    LoadErrorKind = "unsupported"     // it needs a feature that is not supported: see Feature
	LoadTooLarge       LoadErrorKind = "too-large"       // past a bound of this implementation; a *cm.LimitError is below it
)

// LoadError says why bytes are refused as a component, and where. [errors.As] finds it in what [Engine.Load],
// [Engine.ValidateCode] and [Linker.Link], which compiles, return. Its texts may quote names of the file; they are fit for a terminal.
type LoadError struct {
	Component string // the name that Load was given
	Kind      LoadErrorKind
	Offset    int    // where, in bytes from the start of the file
	Section   string // "8 (canon)": the section that Offset is in; empty where it is not known
	Feature   string // for LoadUnsupported: what is not supported, "memory64"
	Err       error  // the cause: what Error says behind the name
}

// Error is "cart: offset 0x1f in section 8 (canon): …".
func (e *LoadError) Error() string { return e.Component + ": " + e.Err.Error() }

// Unwrap is Err.
func (e *LoadError) Unwrap() error { return e.Err }

var kindOfBytes = map[binary.Kind]LoadErrorKind{
	binary.KindMalformed: LoadMalformed, binary.KindEmpty: LoadEmpty, binary.KindNotWasm: LoadNotWasm, binary.KindText: LoadText,
	binary.KindCoreModule: LoadCoreModule, binary.KindUnknownVersion: LoadUnknownVersion, binary.KindTruncated: LoadTruncated,
	binary.KindLimit: LoadTooLarge, binary.KindFeature: LoadUnsupported,
}

// loadError makes a LoadError of an error of the decoder or the validator.
func loadError(name string, err error) error {
	e := &LoadError{Component: name, Kind: LoadInvalid, Err: err}
	var malformed *binary.Error
	var invalid *validate.Error
	switch {
	case errors.As(err, &malformed):
		e.Kind, e.Offset, e.Section, e.Feature = kindOfBytes[malformed.Kind], malformed.Offset, malformed.Section, malformed.Feature
	case errors.As(err, &invalid):
		e.Offset, e.Feature = invalid.Offset, string(invalid.Feature)
		switch {
		case invalid.Feature != "":
			e.Kind = LoadUnsupported
		case invalid.Limit:
			e.Kind = LoadTooLarge
		}
	}
	return e
}

// codeError makes a LoadError of an error about a core module that begins at pos.
func codeError(name string, pos int, err error) error {
	e := &LoadError{Component: name, Kind: LoadInvalid, Offset: pos, Section: "1 (core module)", Err: err}
	var unsupported *corewasm.UnsupportedError
	var complexity *corewasm.ComplexityError
	switch {
	case errors.As(err, &unsupported):
		e.Kind, e.Feature, e.Offset = LoadUnsupported, unsupported.Feature, pos+unsupported.Pos
	case errors.As(err, &complexity):
		e.Kind, e.Offset = LoadTooLarge, pos+complexity.Pos
	}
	return e
}
