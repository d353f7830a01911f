// Package surface writes a component that imports interfaces and exports them again, each function through core code. With it
// a test calls every function of a host through lowering and lifting, with values of its own.
//
// testdata/surface/surface.wat is generated from the WIT of WASI 0.2.12, surface-p3.wat from that of 0.3.0, others from that of plugins, and
// the .wasm beside each from it by
//
//	wasm-tools parse testdata/surface/surface.wat -o testdata/surface/surface.wasm
package surface

//go:generate go run ./cmd/surface ../..
