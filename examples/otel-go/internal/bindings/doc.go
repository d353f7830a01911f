// Package bindings is what the example imports and exports, but for wasi:otel, which the SDK imports.
//
//go:generate go run -C ../../../.. ./bindgen/cmd/bindgen --component --wit examples/otel-go/wit --bind example:otel-go/app --out examples/otel-go/internal/bindings
package bindings
