module example.com/bindings

go 1.26.0

tool github.com/vitrine-wasm/vitrine/bindgen/cmd/bindgen

require github.com/vitrine-wasm/vitrine v0.0.0

require (
	github.com/ianlancetaylor/demangle v0.0.0-20260724033716-83e58baca724 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/vitrine-wasm/vitrine => ../../..
