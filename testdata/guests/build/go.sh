#!/bin/bash
# The Go guests: the standard toolchain builds a module of WASI 0.1, wasm-tools makes a component of it, and not vitrine component new: the
# encoder's tests compare what that makes of the same modules (make reencoded).
set -euo pipefail
. "$(dirname "$0")/env.sh"

# build NAME DIR WORLD [WIT]
build() {
  wanted "$1" || return 0
  need go 'install Go'
  wasm_tools
  local dir
  dir=$(sources "go/$2" "${4:-}")
  (
    cd "$dir"
    GOOS=wasip1 GOARCH=wasm GOFLAGS= GOWORK=off go build -trimpath -buildmode=c-shared -ldflags='-s -w -checklinkname=0' -o core.wasm .
    wasm-tools component embed wit -w "$3" core.wasm -o embedded.wasm
    wasm-tools component new embedded.wasm --adapt "wasi_snapshot_preview1=$(adapter reactor)" -o "$out/$1.component.wasm"
  )
  done_with "$1"
}
build go126-greet-p2 hello greet
build go126-http-p2 http2 gohttp p2-0.2.12
build go126-http-async-p3 http3co gohttp3 p3-0.3.0

# with_sdk NAME DIR WORLD [WIT]: a program of the SDK's, DIR from the repository's root, which is built in its place.
with_sdk() {
  wanted "$1" || return 0
  need go 'install Go'
  wasm_tools
  local root=$guests/../..
  rm -rf "$work/wit" && mkdir -p "$work/wit/deps"
  cp -r "$root/sdk/go/wit/." "$work/wit/deps/"
  [ -z "${4:-}" ] || cp -r "$src/wit/$4/." "$work/wit/deps/"
  cp -r "$root/$2/wit/." "$work/wit/"
  (cd "$root/$2" && GOFLAGS= GOWORK=off "$root/sdk/go/componentize.sh" . "$work/wit" "$3" "$(adapter reactor)" "$out/$1.component.wasm")
  done_with "$1"
}
with_sdk otel-example-go examples/otel-go otel-go
with_sdk go-otel-p3 sdk/go/internal/guest telling p3-0.3.0

# No guest like the others: a test of bindgen's has its host.
with_sdk go-shapes sdk/go/internal/shapes echo
! wanted go-shapes || mv "$out/go-shapes.component.wasm" "$guests/../../bindgen/fixture/shapes/testdata/go-shapes.wasm"
