#!/bin/bash
# The compositions, of guests that are built: by wac, after the files in ../wac.
set -euo pipefail
. "$(dirname "$0")/env.sh"

# compose NAME WAC package=guest…
compose() {
  wanted "$1" || return 0
  crate wac-cli 0.12.0 wac
  local deps=()
  for d in "${@:3}"; do deps+=(-d "${d%=*}=$out/${d#*=}.component.wasm"); done
  wac compose "$guests/wac/$2.wac" "${deps[@]}" -o "$out/$1.component.wasm"
  done_with "$1"
}
compose shop-composed shop guest:price=rust-price guest:cart=rust-cart guest:shop=rust-shop-http
compose feed-composed-p3 feed guest:feed=rust-feed-p3 guest:caller=rust-feed-http-p3
compose mw1-composed-p3 mw1 guest:service=rust-http-p3 guest:mwa=rust-mw-a-p3
compose mw2-composed-p3 mw2 guest:service=rust-http-p3 guest:mwa=rust-mw-a-p3 guest:mwb=rust-mw-b-p3
compose mw-upper-composed-p3 mw1 guest:service=rust-http-p3 guest:mwa=rust-mw-upper-p3
for kind in p2 p3; do
  compose "otel-$kind-composed" otel "guest:app=rust-otel-$kind" guest:sink=rust-otel-sink
  compose "otel-main-$kind-composed" otel "guest:app=rust-otel-main-$kind" guest:sink=rust-otel-main-sink
done
compose otel-example-composed-p3 mw1 guest:service=otel-example-rust-p3 guest:mwa=rust-otel-gateway-p3
compose composed-c-shout c guest:strings=c-strings guest:consumer=c-consumer
