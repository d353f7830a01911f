#!/bin/sh
# Builds regexp.wasm. It wants Go, and wasm-tools or jco on the PATH; ADAPTER is the reactor's adapter of WASI preview 1.
set -e
cd "$(dirname "$0")"
core=$(mktemp -d)
trap 'rm -r "$core"' EXIT
GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags='-s -w' -o "$core/core.wasm" .
if command -v wasm-tools >/dev/null; then
	wasm-tools component embed wit "$core/core.wasm" -w command -o "$core/embedded.wasm"
	wasm-tools component new "$core/embedded.wasm" --adapt "wasi_snapshot_preview1=${ADAPTER:?}" -o regexp.wasm
else
	jco embed "$core/core.wasm" --wit wit -n command -o "$core/embedded.wasm"
	jco new "$core/embedded.wasm" --adapt "wasi_snapshot_preview1=${ADAPTER:?}" -o regexp.wasm
fi
