// Package bindings is wasi:otel, as a component imports it.
//
//go:generate go run -C ../../../.. ./bindgen/cmd/bindgen --component --wit sdk/go/wit --bind wasi:otel/imports@0.2.0-rc.2 --out sdk/go/internal/bindings
package bindings
