module github.com/vitrine-wasm/vitrine/examples/embed/hostfunc

go 1.26.0

require github.com/vitrine-wasm/vitrine v0.0.0

require (
	github.com/ianlancetaylor/demangle v0.0.0-20260724033716-83e58baca724 // indirect
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/vitrine-wasm/vitrine => ../../..
