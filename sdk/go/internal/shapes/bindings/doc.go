// Package bindings is both sides of test:shapes.
//
//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit sdk/go/internal/shapes/wit --bind test:shapes/echo --out sdk/go/internal/shapes/bindings
package bindings
