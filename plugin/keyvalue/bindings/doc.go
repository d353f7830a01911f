// Package bindings is the Go binding of wasi:keyvalue@0.2.0-draft, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../wit --bind wasi:keyvalue@0.2.0-draft --out .
package bindings
