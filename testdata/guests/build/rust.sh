#!/bin/bash
# The Rust guests; rust-one.sh builds each.
set -euo pipefail
. "$(dirname "$0")/env.sh"
one=$(dirname "$0")/rust-one.sh
pure=wasm32-unknown-unknown

# build CRATE NAME [TARGET]
build() {
  wanted "$2" || return 0
  need rustup 'install Rust by rustup'
  "$one" "$cache/rust" "$src/rust/$1" "$out/$2.component.wasm" ${3:-}
  done_with "$2"
}
build http-p3 rust-http-p3
build http-p3 rust-http-pure-p3 $pure
build http-p3-next rust-http-p3-next
build http-p2 rust-http-full-p2
build http-small-p2 rust-http-p2
build grpc-p2 rust-grpc-p2
build grpc-p3 rust-grpc-p3
build kv-p2 rust-kv-p2
KV_ONLY=1 build kv-p2 rust-kv-only-p2
build messages-p2 rust-messages-p2
build messages-p3 rust-messages-p3 $pure
for n in mw-a mw-b mw-upper; do MW_NAME=$n build middleware-p3 "rust-$n-p3"; done
for n in otel-p2 otel-p3 otel-sink; do
  build $n "rust-$n"
  OTEL_WIT=main build $n "rust-${n/otel/otel-main}"
done
build otlp-p2 rust-otlp-p2
build service-p3 rust-service-p3
build otel-gateway-p3 rust-otel-gateway-p3
build shop-price rust-price $pure
build shop-cart rust-cart $pure
build shop-http rust-shop-http
build feed-p3 rust-feed-p3 $pure
build feed-http-p3 rust-feed-http-p3 $pure
build secrets-p3 rust-secrets-p3
build wasmcloud-p3 rust-wasmcloud-p3
build spin-p2 rust-spin-p2
build spin-brokers-p2 rust-spin-brokers-p2
build spin-redis-p2 rust-spin-redis-p2
build spin-mqtt-p2 rust-spin-mqtt-p2
build spin-pg-p2 rust-spin-pg-p2
build spin-redis-p3 rust-spin-redis-p3 $pure
build tcp-service-p2 rust-service-p2
build tcp-client-p2 rust-tcp-client-p2
build cli-hostile rust-cli-hostile
build cli-p2 rust-cli-p2
build cli-p3 rust-cli-p3
build ../../../../examples/orders/front orders-front
build ../../../../examples/orders/worker orders-worker
build ../../../../examples/orders/report orders-report
build ../../../../examples/otel-rust/order otel-example-rust
build ../../../../examples/otel-rust/order-async otel-example-rust-p3
# rust-cli-ctors-p2 is rust-cli-p2 with Debian's own start file, whose exports run constructors: see rust-one.sh.
START=debian build cli-p2 rust-cli-ctors-p2
# rust-traps-p2 has lines of source.
CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only build traps-p2 rust-traps-p2
