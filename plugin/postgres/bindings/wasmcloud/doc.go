// Package wasmcloud is the Go binding of wasmcloud:postgres@0.2.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/wasmcloud --bind wasmcloud:postgres@0.2.0 --out .
package wasmcloud
