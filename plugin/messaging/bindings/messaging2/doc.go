// Package messaging2 is the Go binding of wasmcloud:messaging@0.2.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/0.2 --bind wasmcloud:messaging@0.2.0 --package messaging2 --out .
package messaging2
