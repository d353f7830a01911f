#!/bin/bash
# What the README promises, on a machine with cargo and Go: the SDK's tests, the examples built from a clean checkout, one request to each through
# the binary. WASM_OUT=DIR keeps the components.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
work=$(mktemp -d)
trap 'kill ${server:-} 2>/dev/null || true; rm -rf "$work"' EXIT
command -v cargo >/dev/null || { echo 'cargo is not here: install Rust by rustup' >&2; exit 1; }
cache=${VITRINE_GUESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine-guests}

cd "$here"
export CARGO_TARGET_DIR=$cache/sdk-rust
cargo test --quiet
cargo test --quiet --all-features
unset CARGO_TARGET_DIR

# A copy without what earlier builds have left.
mkdir -p "$work/sdk" "$work/examples"
cp -r "$here" "$work/sdk/rust"
cp -r "$root/examples/otel-rust" "$work/examples/otel-rust"
rm -rf "$work/sdk/rust/target" "$work/examples/otel-rust/target"
cd "$work/examples/otel-rust"
out=${WASM_OUT:-$work/out}
mkdir -p "$out"
if timeout 30 rustup target add wasm32-wasip2 >/dev/null 2>&1; then
  CARGO_TARGET_DIR=$cache/sdk-rust cargo build --quiet --release --target wasm32-wasip2
  cp "$cache/sdk-rust/wasm32-wasip2/release/order.wasm" "$out/order.wasm"
  cp "$cache/sdk-rust/wasm32-wasip2/release/order_async.wasm" "$out/order_async.wasm"
else
  "$root/testdata/guests/build/rust-one.sh" "$cache/rust" order "$out/order.wasm"
  "$root/testdata/guests/build/rust-one.sh" "$cache/rust" order-async "$out/order_async.wasm"
fi

vitrine=${VITRINE:-$work/vitrine}
[ -x "$vitrine" ] || (cd "$root" && CGO_ENABLED=0 go build -trimpath -o "$vitrine" ./cmd/vitrine)
for component in order order_async; do
  : >"$work/log"
  cp "$out/$component.wasm" order.wasm # what vitrine.yaml names
  "$vitrine" up --trace --listen 127.0.0.1:0 . 2>"$work/log" &
  server=$!
  for _ in $(seq 600); do
    url=$(sed -n 's/^serving .* on \(http.*\)$/\1/p' "$work/log")
    [ -z "$url" ] || break
    sleep 0.1
  done
  got=$(curl -s --max-time 60 "$url/order?item=apple&n=2")
  kill "$server"
  wait "$server"
  [ "$got" = '2 apple: 6.00' ] || { printf '%s answers %s\n' "$component" "$got" >&2; exit 1; }
  for span in order price bucket.get; do
    grep -q "─ .*$span  " "$work/log" || { printf 'no span %s in the trace of %s:\n' "$span" "$component" >&2; cat "$work/log" >&2; exit 1; }
  done
  echo "sdk/rust: $component answers, its spans are in the trace"
done
