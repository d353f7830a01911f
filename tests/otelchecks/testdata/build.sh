#!/bin/sh
# Builds the components of this folder: the guest, the gateway, and the guest with imports of other versions and shapes.
# Needs wasm-tools 1.258 (WASM_TOOLS names it).
set -e
cd "$(dirname "$0")"
t=${WASM_TOOLS:-wasm-tools}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for p in otel:plugin/otel/wit clocks:wasi/wit/wasi-clocks@0.2.12 io:wasi/wit/wasi-io@0.2.12; do
  mkdir -p "$tmp/wit/deps/${p%%:*}"
  cp ../../../"${p#*:}"/*.wit "$tmp/wit/deps/${p%%:*}"
done
cp wit/world.wit "$tmp/wit"
sed -i 's/0\.2\.12/0.2.0/' "$tmp"/wit/deps/clocks/*.wit "$tmp"/wit/deps/io/*.wit # the version that wasi:otel names

# component NAME WORLD [SED…]: the guest, changed, as a component whose WIT is changed alike.
component() {
  name=$1 world=$2
  shift 2
  rm -rf "$tmp/now" && cp -r "$tmp/wit" "$tmp/now"
  cp guest.wat "$tmp/core.wat"
  for edit in "$@"; do sed -i "$edit" "$tmp/core.wat" "$tmp"/now/*.wit "$tmp"/now/deps/otel/*.wit; done
  $t parse "$tmp/core.wat" -o "$tmp/core.wasm"
  $t component embed "$tmp/now" --world "$world" "$tmp/core.wasm" -o "$tmp/embedded.wasm"
  $t component new "$tmp/embedded.wasm" -o "$tmp/full.wasm"
  $t strip --all "$tmp/full.wasm" -o "$name.wasm"
}
component guest guest
# The guest with the functions of one set alone: that of 0.2.0-rc.2 (outer-span-context), and the later one (current-span-context). Once
# with a synchronous export, as components of WASI 0.2 have, and once with an asynchronous one, as those of 0.3 have.
outer='/import .*"current-span-context"/d
/(call \$current/d'
current='/import .*"outer-span-context"/d
/(call \$outer/d'
async='s/;;async//
s/play: func/play: async func/
/cabi_post_/d
s/(func (export "test:otel\/player@0\.1\.0#play")/(func $play/'
component p2-outer guest "$outer"
component p2-current guest "$current"
component p3-outer guest "$async" "$outer"
component p3-current guest "$async" "$current"
component gateway gateway 's/;;gateway//'
component p3-gateway gateway 's/;;gateway//' "$async"
component rc1 guest 's/0\.2\.0-rc\.2/0.2.0-rc.1/g'
# The shape of 2025-03: on-start has a second parameter.
two='s/on-start: func(context: span-context)/on-start: func(context: span-context, parent: span-context)/
s/\$on-start (param i32 i32 i32 i32 i32 i32 i32 i32)/$on-start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)/
s/(call \$on-start \(.*\)$/(call $on-start (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \1/'
component shape guest "$two"
component draft guest "$two" 's/0\.2\.0-rc\.2/0.2.0-draft/g'
# Of wasi:otel it imports logs alone.
component logs guest '/import "wasi:otel\/tracing/d
/import "wasi:otel\/metrics/d
/(call \$on-start/,+2d
/(call \$export/,+2d
/(call \$on-end/d
/(call \$outer/d
/(call \$current/d'
# It starts a span while it is initialised.
component init guest 's/(memory (export "memory") 2)/(memory (export "memory") 2) (data (i32.const 2048) "0123456789abcdef0123456789abcdef000000000000a001") (func (export "_initialize") (call $on-start (i32.const 2048) (i32.const 32) (i32.const 2080) (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))/'
