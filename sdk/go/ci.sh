#!/bin/bash
# What README.md here and that of examples/otel-go say, on a machine with Go and cargo: format, vet, staticcheck and tests of the SDK; the example built
# from a clean checkout, and asked through `vitrine up`. VITRINE=FILE is a binary that is built already; WASM_OUT=FILE keeps the component.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
for c in go cargo git curl; do command -v $c >/dev/null || { echo "$c is not here" >&2; exit 1; }; done
export GOFLAGS="${GOFLAGS:-} -buildvcs=false" GOWORK=off

# The tools, in the cache that guests are built with: the README's commands, where it does not have them yet.
cache=${VITRINE_GUESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine-guests}
mkdir -p "$cache"
export PATH=$cache/bin:$PATH
[ "$(wasm-tools --version 2>/dev/null)" = 'wasm-tools 1.258.0' ] || cargo install --quiet --locked --root "$cache" wasm-tools --version 1.258.0
adapter=$cache/adapter/reactor.wasm
if [ ! -e "$adapter" ]; then
  (cd "$work" && cargo init --quiet --vcs none --lib adapter && cd adapter &&
    cargo add --quiet wasi-preview1-component-adapter-provider@48.0.8 && cargo vendor --quiet >/dev/null)
  mkdir -p "$cache/adapter"
  cp "$work/adapter/vendor/wasi-preview1-component-adapter-provider/artefacts/wasi_snapshot_preview1.reactor.wasm" "$adapter"
fi

cd "$root"
git ls-files -z sdk/go examples/otel-go | tar --null -T - -c | tar -C "$work" -x
vitrine=${VITRINE:-$work/vitrine}
[ -n "${VITRINE:-}" ] || CGO_ENABLED=0 go build -trimpath -o "$vitrine" ./cmd/vitrine
GOBIN=$work go install honnef.co/go/tools/cmd/staticcheck@v0.8.2

cd "$work/sdk/go"
unformatted=$(gofmt -s -l . ../../examples/otel-go)
[ -z "$unformatted" ] || { echo "not gofmt'ed: $unformatted" >&2; exit 1; }
go vet ./... && go vet -tags wasiotel_current ./...
"$work/staticcheck" ./...
for module in sdk/go examples/otel-go; do # staticcheck takes for unused what only go:wasmexport uses
  (cd "$work/$module" && export GOOS=wasip1 GOARCH=wasm && go vet ./... && "$work/staticcheck" -checks inherit,-U1000 ./...)
done
go test ./... >"$work/test.log" 2>&1 || { cat "$work/test.log"; exit 1; }
echo "sdk/go: $(grep -c '^ok' "$work/test.log") packages tested"

cd "$work/examples/otel-go"
go vet ./...
diff -r ../../sdk/go/wit wit/deps | grep -v '^Only in wit/deps' && { echo "the example's copy of the SDK's WIT is another one" >&2; exit 1; }
../../sdk/go/componentize.sh . wit otel-go "$adapter" order.wasm
[ -z "${WASM_OUT:-}" ] || cp order.wasm "$WASM_OUT"
"$vitrine" up . --listen 127.0.0.1:0 --trace 2>"$work/up.log" &
server=$!
url=
for _ in $(seq 1200); do
  url=$(sed -n 's/^serving .* on \(http:.*\)$/\1/p' "$work/up.log")
  [ -z "$url" ] || break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
got=$(curl -sS --max-time 60 "$url/order?item=apple&n=2&url=$url/order%3Fitem=pear") || true
kill "$server" && wait "$server" || true
server=
for line in '   └─ order ' '      ├─ price ' '      │  ├─ wasi:keyvalue/store@0.2.0-draft#\[method\]bucket.get ' '      └─ GET http://127.0.0.1:'; do
  grep -q "^$line" "$work/up.log" || got="$got, and the trace has no line '$line'"
done
[ "$got" = '2 apple: 6.00' ] || { echo "the example answers '$got':" >&2; cat "$work/up.log" >&2; exit 1; }
echo "examples/otel-go: $got ($(stat -c %s order.wasm) bytes)"
