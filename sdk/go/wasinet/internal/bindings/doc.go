// Package bindings are the bindings of wasi:sockets 0.3 that package wasinet calls.
package bindings

//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit,sdk/go/wasinet/wit --bind vitrine:wasinet/client --out sdk/go/wasinet/internal/bindings
