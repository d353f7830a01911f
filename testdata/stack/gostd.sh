#!/bin/sh
# Runs tests of Go's standard library as components, with the default limits: gostd.sh VITRINE [PACKAGE…]. It wants Go and
# wasm-tools or jco on the PATH; ADAPTER is the command's adapter of WASI preview 1.
#
# Go's allocator takes for granted that nobody else grows its memory, which the adapter does once: the allocator is built
# with a look at how large the memory is.
set -e
vitrine=$1
shift
root=$(go env GOROOT)/src
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
sed -e 's/^\tbl := bloc$/\tsyncBloc()\n\tbl := bloc/' -e 's/^\t\tblocMax = bl + n$/&\n\t\tlastMemory = currentMemory()/' "$root/runtime/mem_wasm.go" >"$work/mem_wasm.go"
cat >>"$work/mem_wasm.go" <<'EOF'

var lastMemory int32 // pages, when Go last grew the memory

func syncBloc() {
	if now := currentMemory(); now != lastMemory {
		lastMemory = now
		bloc = uintptr(now) * physPageSize
		blocMax = bloc
	}
}
EOF
sed -e 's/^\t\t\/\/ Round up bloc to align.*$/\t\tsyncBloc()\n&/' "$root/runtime/mem_sbrk.go" >"$work/mem_sbrk.go"
cat >"$work/overlay.json" <<EOF
{"Replace": {"$root/runtime/mem_wasm.go": "$work/mem_wasm.go", "$root/runtime/mem_sbrk.go": "$work/mem_sbrk.go"}}
EOF
mkdir "$work/tmp"
for package in "${@:-regexp encoding/xml}"; do
	for p in $package; do
		GOOS=wasip1 GOARCH=wasm go test -c -overlay "$work/overlay.json" -o "$work/core.wasm" "$p"
		if command -v wasm-tools >/dev/null; then
			wasm-tools component new "$work/core.wasm" --adapt "wasi_snapshot_preview1=${ADAPTER:?}" -o "$work/test.wasm"
		else
			jco new "$work/core.wasm" --adapt "wasi_snapshot_preview1=${ADAPTER:?}" -o "$work/test.wasm" >/dev/null
		fi
		echo "$p"
		"$vitrine" run --env PWD=/work --dir "$work/tmp::/tmp" --dir "$root/$p::/work:ro" "$work/test.wasm" </dev/null
	done
done
