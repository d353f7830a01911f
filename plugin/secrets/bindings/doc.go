// Package bindings is the Go binding of wasmcloud:secrets@2.1.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../wit --bind wasmcloud:secrets@2.1.0 --out .
package bindings
