// Package bindings is what a component exports that serves requests, in WASI 0.3.
package bindings

//go:generate go run -C ../../../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit,sdk/go/wasihttp/wit --bind vitrine:wasihttp/server3 --import wasi:http/types=github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings:types --import wasi:clocks=github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings:types --out sdk/go/wasihttp/p3/serve/internal/bindings
