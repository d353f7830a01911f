// Package bindings is the Go binding of wasi:logging@0.1.0-draft, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../wit --bind wasi:logging@0.1.0-draft --out .
package bindings
