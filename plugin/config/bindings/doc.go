// Package bindings is the Go binding of wasi:config@0.2.0-rc.1, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../wit --bind wasi:config@0.2.0-rc.1 --out .
package bindings
