#!/bin/sh
# Builds a Go program into a component.
#   componentize.sh PACKAGE WIT WORLD ADAPTER OUT.wasm [go build flag…]
# PACKAGE is a main package, WIT the folder with the world's text and its deps. ADAPTER is what makes WASI 0.2 of the WASI 0.1 that Go's runtime speaks:
# wasi_snapshot_preview1.reactor.wasm, or .command.wasm for a program with a main function. Needs Go and wasm-tools.
set -eu
[ $# -ge 5 ] || { sed -n 2,6p "$0" >&2; exit 2; }
package=$1 wit=$2 world=$3 adapter=$4 out=$5
shift 5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mode=-buildmode=c-shared
case $adapter in *command*) mode=-buildmode=exe ;; esac
# Without -checklinkname=0 package cabi cannot have Go's memory grow.
GOOS=wasip1 GOARCH=wasm go build -trimpath "$mode" -ldflags='-s -w -checklinkname=0' -o "$work/core.wasm" "$@" "$package"
wasm-tools component embed "$wit" -w "$world" "$work/core.wasm" -o "$work/embedded.wasm"
wasm-tools component new "$work/embedded.wasm" --adapt "wasi_snapshot_preview1=$adapter" -o "$out"
