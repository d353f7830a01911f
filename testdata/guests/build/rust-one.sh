#!/bin/bash
# One Rust guest. rustup's toolchain has no standard library for WebAssembly where its targets cannot be fetched, and Debian has none
# that is built: so Debian's compiler and its library's source are unpacked, and cargo builds the library with the guest.
#   rust-one.sh SETUP_DIR                              gets and unpacks the toolchain once: 140 MB to fetch, 850 MB on disk
#   rust-one.sh SETUP_DIR CRATE_DIR OUT.wasm [TARGET]  builds a guest
# OUT is a component for wasm32-wasip2, the default (std works, but for std::net and threads, through the 0.2 adapter), and for
# wasm32-unknown-unknown (std without a system: the guest imports what its own bindings do); for wasm32-wasip1 it is a module.
# Needs rustup's stable toolchain (cargo, rust-lld, wasm-component-ld), apt-get and dpkg. Installs nothing outside SETUP_DIR.
set -euo pipefail
[ $# -ge 1 ] || { sed -n 2,8p "$0"; exit 2; }
mkdir -p "$1"; root=$(cd "$1" && pwd)
tc=${RUST_TOOLCHAIN:-$(rustup run stable rustc --print sysroot)}
bin=$tc/lib/rustlib/$("$tc/bin/rustc" -vV | sed -n "s/^host: //p")/bin
if [ ! -e "$root/.ready" ]; then
  apt-get update -qq || true
  need() { apt-cache depends "$1" | sed -n "s/.*Depends: \($2[^ ]*\)/\1/p" | head -1; }
  std=$(need libstd-rust-web-dev libstd-rust-web-1); llvm=$(need "$std" libllvm)
  mkdir -p "$root/debs"; ( cd "$root/debs" && apt-get download -qq rustc-web rust-web-src libstd-rust-web-dev "$std" "$llvm" wasi-libc )
  for d in "$root"/debs/*.deb; do dpkg -x "$d" "$root"; done
  rm -r "$root/debs"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s/usr/lib/'"$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)"' exec %s/usr/bin/rustc "$@"\n' "$root" "$root" > "$root/rustc.sh"; chmod +x "$root/rustc.sh"
  # The place where rustc looks for libc and the start files of a self-contained wasm target. Debian's crt1-command.o leaves running the
  # constructors to the linker, which then wraps every export, cabi_realloc too: with a preopened folder such a guest calls the host
  # from inside realloc and traps on a strict host. So the start file is ours.
  printf '%s\n' '#![feature(no_core, lang_items)] #![no_core] #![allow(internal_features)]' \
    '#[lang = "pointee_sized"] pub trait P {} #[lang = "meta_sized"] pub trait M: P {} #[lang = "sized"] pub trait S: M {} #[lang = "copy"] pub trait C {} impl C for i32 {}' \
    'extern "C" { fn __wasm_call_ctors(); fn __main_void() -> i32; fn exit(code: i32) -> !; }' \
    '#[no_mangle] pub unsafe extern "C" fn _start() { __wasm_call_ctors(); match __main_void() { 0 => {} n => exit(n) } }' > "$root/crt1.rs"
  for t in wasm32-wasip1 wasm32-wasip2; do
    mkdir -p "$root/usr/lib/rustlib/$t/lib/self-contained"
    cp "$root"/usr/lib/wasm32-wasi/{crt1-reactor.o,libc.a} "$root/usr/lib/rustlib/$t/lib/self-contained/"
    RUSTC_BOOTSTRAP=1 "$root/rustc.sh" --target $t --crate-type lib --emit obj -O -C panic=abort -o "$root/crt1-$t.o" "$root/crt1.rs"
  done
  "$root/rustc.sh" -V; touch "$root/.ready"
fi
[ $# -ge 3 ] || exit 0
crate=$(cd "$2" && pwd); out=$3; target=${4:-wasm32-wasip2}
start=$root/crt1-$target.o
[ "${START:-}" != debian ] || start=$root/usr/lib/wasm32-wasi/crt1-command.o
[ ! -e "$start" ] || cp "$start" "$root/usr/lib/rustlib/$target/lib/self-contained/crt1-command.o"
# cargo does not know of the start file: each has a folder of its own
export RUSTC=$root/rustc.sh RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$root/target${START:+-$START}
export PATH=$bin/gcc-ld:$bin:$root/bin:$PATH
ld=${COMPONENT_LD:-$bin/wasm-component-ld}
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$ld CARGO_TARGET_WASM32_WASIP2_LINKER=$ld CARGO_TARGET_WASM32_WASIP1_LINKER=$bin/rust-lld
# no path of this machine in panic messages
flags="--remap-path-prefix=$root=/rust --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
for d in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do flags="$flags --remap-path-prefix=$d=/crates"; done
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS=$flags CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS=$flags
wasm=$(cd "$crate" && "$tc/bin/cargo" build --release --target "$target" -Zbuild-std=std,panic_abort --message-format=json-render-diagnostics |
  sed -n 's/.*"reason":"compiler-artifact".*"filenames":\["\([^"]*\.wasm\)".*/\1/p' | tail -1)
cp "$wasm" "$out"
