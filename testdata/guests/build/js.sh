#!/bin/bash
# The JavaScript guests, on QuickJS by componentize-qjs. It cannot initialise a guest ahead whose imports share resources with
# WASI's own, so such a guest is built under the namespace "wasj", which the bytes are changed back from.
set -euo pipefail
. "$(dirname "$0")/env.sh"

# build NAME DIR WORLD WIT [FLAG…]
build() {
  wanted "$1" || return 0
  packages componentize-qjs@0.4.5
  local dir
  dir=$(sources "js/$2" "$4")
  cp "$src/js/lib.js" "$work/lib.js"
  find "$dir/wit" -name '*.wit' -exec sed -i 's/wasi:/wasj:/g' {} +
  sed -i 's/"wasi:/"wasj:/g' "$dir/app.js"
  (cd "$dir" && componentize-qjs "${@:5}" -w wit -n "$3" -j app.js --module-root .. -o built.wasm >/dev/null)
  LC_ALL=C sed 's/wasj:/wasi:/g' "$dir/built.wasm" >"$out/$1.component.wasm"
  done_with "$1"
}
build js-qjs-http-p2 qjs-http-p2 app p2-0.2.10 --sync
build js-qjs-hello-http-p3 hello-http-p3 hello p3-0.3.0

# The example of the SDK for TypeScript, in a copy of the two folders, by the commands of their README files.
if wanted otel-example-ts; then
  need npm 'install Node.js 20 or newer'
  for d in sdk/ts examples/otel-ts; do
    mkdir -p "$work/$d"
    tar -C "$guests/../../$d" --exclude=node_modules --exclude=dist --exclude=build --exclude='*.wasm' -c . | tar -C "$work/$d" -x
    (cd "$work/$d" && npm ci --silent --no-audit --no-fund >&2)
  done
  (cd "$work/examples/otel-ts" && WASI_WIT=$src/wit/p2-0.2.10 KEYVALUE_WIT=$(cd "$guests/../../plugin/keyvalue/wit" && pwd) node build.mjs quickjs "$out/otel-example-ts.component.wasm")
  done_with otel-example-ts
fi
