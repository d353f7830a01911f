// Package bindings are the bindings of wasi:http 0.2 that packages wasihttp and serve call.
package bindings

//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit,sdk/go/wasihttp/wit --bind vitrine:wasihttp/client --out sdk/go/wasihttp/internal/bindings
