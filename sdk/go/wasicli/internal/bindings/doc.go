// Package bindings is what a component exports that is a program of WASI 0.3.
package bindings

//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit --bind wasi:cli/run@0.3.0 --out sdk/go/wasicli/internal/bindings
