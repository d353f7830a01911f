// Package messaging3 is the Go binding of wasmcloud:messaging@0.3.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/0.3 --bind wasmcloud:messaging@0.3.0 --package messaging3 --out .
package messaging3
