// Package bindings is what the guest exports of WASI 0.2.
//
//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit --bind wasi:cli/run@0.2.12 --out sdk/go/internal/guest/bindings
package bindings
