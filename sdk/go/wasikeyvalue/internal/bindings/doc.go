// Package bindings are the bindings of wasi:keyvalue 0.2.0-draft2 that package wasikeyvalue calls.
package bindings

//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit plugin/keyvalue/bindings/draft2/wit --bind wasi:keyvalue/imports@0.2.0-draft2 --out sdk/go/wasikeyvalue/internal/bindings
