// Package bindings are the bindings of wasi:http 0.3 that package p3 and those below it call.
package bindings

//go:generate go run -C ../../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit,sdk/go/wasihttp/wit --bind vitrine:wasihttp/client3 --out sdk/go/wasihttp/p3/internal/bindings
