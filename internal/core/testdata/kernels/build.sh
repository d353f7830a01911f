#!/bin/sh
# Builds kernels.wasm of kernels.c with clang, from 14 on, and the linker that comes with Rust's toolchain.
set -eu
cd "$(dirname "$0")"
bin=$(rustup run stable rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
object=$(mktemp)
trap 'rm -f "$object"' EXIT
clang --target=wasm32-unknown-unknown -O2 -ffreestanding -c kernels.c -o "$object"
"$bin/gcc-ld/wasm-ld" --strip-all --no-entry "$object" -o kernels.wasm
