#!/bin/bash
# The guests in WebAssembly's text format.
set -euo pipefail
. "$(dirname "$0")/env.sh"
for name in table-grow async-builtins; do
  wanted "wat-$name" || continue
  wasm_tools
  wasm-tools parse "$src/wat/$name.wat" -o "$out/wat-$name.component.wasm"
  done_with "wat-$name"
done
