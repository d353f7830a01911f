// Package bindings is the Go binding of wasi:otel@0.2.0-rc.2, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../wit --wit ../../../wasi/wit --bind wasi:otel@0.2.0-rc.2 --out .
package bindings
