// Package bindings are the bindings of wasi:config 0.2.0-rc.1 that package wasiconfig calls.
package bindings

//go:generate go run -C ../../../../.. ./bindgen/cmd/bindgen --component --wit plugin/config/wit --bind wasi:config/imports@0.2.0-rc.1 --out sdk/go/wasiconfig/internal/bindings
