// Package bindings is what a component exports that serves requests.
package bindings

//go:generate go run -C ../../../../../.. ./bindgen/cmd/bindgen --component --wit wasi/wit,sdk/go/wasihttp/wit --bind vitrine:wasihttp/server --import wasi:http/types=github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings:types --import wasi:io=github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings:types --import wasi:clocks=github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings:types --out sdk/go/wasihttp/serve/internal/bindings
