#!/bin/sh
# Builds a Go program into a component.
#   componentize.sh PACKAGE WIT WORLD ADAPTER OUT.wasm [go build flag…]
# PACKAGE is a main package, WIT the folder with the world's text and its deps. ADAPTER is wasi_snapshot_preview1.reactor.wasm, which makes WASI 0.2
# of the WASI 0.1 that Go's runtime speaks. Needs Go and wasm-tools.
set -eu
[ $# -ge 5 ] || { sed -n 2,5p "$0" >&2; exit 2; }
package=$1 wit=$2 world=$3 adapter=$4 out=$5
shift 5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Without -checklinkname=0 package cabi cannot have Go's memory grow.
GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags='-s -w -checklinkname=0' -o "$work/core.wasm" "$@" "$package"
wasm-tools component embed "$wit" -w "$world" "$work/core.wasm" -o "$work/embedded.wasm"
wasm-tools component new "$work/embedded.wasm" --adapt "wasi_snapshot_preview1=$adapter" -o "$out"
