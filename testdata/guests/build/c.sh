#!/bin/bash
# The C guests: clang, and the linker that makes components of what it gives, which comes with Rust.
set -euo pipefail
. "$(dirname "$0")/env.sh"
setup() {
  need clang 'apt-get install clang'
  need rustup 'install Rust by rustup: its toolchain has wasm-component-ld'
  bin=$(rustup run stable rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
  link=("$bin/wasm-component-ld" --wasm-ld-path "$bin/gcc-ld/wasm-ld")
}

# plain NAME DIR FILE: imports nothing of WASI, has no C library.
plain() {
  wanted "$1" || return 0
  setup
  clang --target=wasm32-unknown-unknown -O2 -c "$src/c/$2/$3.c" -o "$work/$3.o"
  "${link[@]}" --wasi-adapter none --component-type "$src/c/$2/world.wit" --strip-all --no-entry "$work/$3.o" -o "$out/$1.component.wasm"
  done_with "$1"
}
plain c-strings strings s
plain c-consumer consumer c

if wanted c-cli-p2; then
  setup
  [ -e "$cache/debian/usr/lib/wasm32-wasi/libc.a" ] || debian wasi-libc libclang-rt-14-dev-wasm32
  lib=$cache/debian/usr/lib/wasm32-wasi
  clang --target=wasm32-wasi --sysroot="$cache/debian/usr" -O2 -c "$src/c/cli/hello.c" -o "$work/hello.o"
  "${link[@]}" --strip-all "$lib/crt1-command.o" "$work/hello.o" -L"$lib" -lc \
    "$(find "$cache/debian" -name 'libclang_rt.builtins-wasm32.a' | head -1)" -o "$out/c-cli-p2.component.wasm"
  done_with c-cli-p2
fi

if wanted c-http-p3; then
  setup
  wasm_tools
  dir=$(sources c/http3 p3-0.3.0)
  clang --target=wasm32-unknown-unknown -O2 -Wall -Wno-unused-function -c "$dir/http3.c" -o "$work/http3.o"
  "$bin/gcc-ld/wasm-ld" --strip-all --no-entry "$work/http3.o" -o "$work/core.wasm"
  wasm-tools component embed "$dir/wit" -w chttp3 "$work/core.wasm" -o "$work/embedded.wasm"
  wasm-tools component new "$work/embedded.wasm" -o "$out/c-http-p3.component.wasm"
  done_with c-http-p3
fi
