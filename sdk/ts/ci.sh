#!/bin/bash
# What README.md here and that of examples/otel-ts say, on a fresh machine and from a clean checkout: the SDK's tests, the example built for
# QuickJS and for StarlingMonkey (SKIP_STARLINGMONKEY=1 leaves that out), each asked through `vitrine up`. Needs Go, and gets Node.js by apt-get
# if there is none.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

missing=()
command -v node >/dev/null || missing+=(nodejs)
command -v curl >/dev/null || missing+=(curl)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq "${missing[@]}" >/dev/null
fi
command -v npm >/dev/null || apt-get install -y -qq npm >/dev/null # some packages of Node.js have it, Debian's has not
if [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
  echo "Node.js $(node --version) is too old: install 20 or newer" >&2
  exit 1
fi
cd "$root"
git ls-files -z sdk/ts examples/otel-ts testdata/guests/src/wit/p2-0.2.10 plugin/keyvalue/wit | tar --null -T - -c | tar -C "$work" -x
vitrine=${VITRINE:-$work/vitrine}
[ -n "${VITRINE:-}" ] || CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$vitrine" ./cmd/vitrine

cd "$work/sdk/ts"
npm ci --silent --no-audit --no-fund
npm test >"$work/test.log" 2>&1 || { cat "$work/test.log"; exit 1; }
grep -E '^. (tests|pass|fail|skipped) ' "$work/test.log" | tr '\n' ' ' | tr -d '#ℹ'; echo

cd "$work/examples/otel-ts"
npm ci --silent --no-audit --no-fund
npm run --silent check

# ask ENGINE: serves order.wasm, asks it, and looks for the answer and the spans.
ask() {
  "$vitrine" up . --listen 127.0.0.1:0 --trace 2>"$work/up.log" &
  server=$!
  local url=
  for _ in $(seq 1200); do
    url=$(sed -n 's/^serving .* on \(http:.*\)$/\1/p' "$work/up.log")
    [ -z "$url" ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  local got
  got=$(curl -sS --max-time 60 "$url/order?item=apple&n=2") || true
  kill "$server" && wait "$server" || true
  server=
  if [ "$got" != '2 apple: 6.00' ] || ! grep -q '^   └─ order ' "$work/up.log" || ! grep -q '^ *└─ price ' "$work/up.log"; then
    echo "on $1 the example answers '$got':" >&2
    cat "$work/up.log" >&2
    exit 1
  fi
  echo "examples/otel-ts on $1: $got ($(stat -c %s order.wasm) bytes)"
}

npm run --silent build
ask QuickJS
if [ -z "${SKIP_STARLINGMONKEY:-}" ]; then
  npm install --silent --no-save --no-audit --no-fund @bytecodealliance/componentize-js@0.23.0 @bytecodealliance/preview2-shim@0.25.0
  npm run --silent build:starlingmonkey
  ask StarlingMonkey
fi
