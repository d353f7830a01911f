#!/bin/bash
# The Go guests: the standard toolchain builds a module of WASI 0.1, wasm-tools makes a component of it.
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
