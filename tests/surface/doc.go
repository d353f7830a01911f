// Package surface writes a component that stands between a host and its tests: it imports interfaces and exports them
// again, each function by way of core code, so that a test reaches every function of a host through lowering and lifting
// with values of its own.
//
// testdata/surface/surface.wat is written from the WIT of WASI 0.2.12, and surface.wasm made of it by
//
//	wasm-tools parse testdata/surface/surface.wat -o testdata/surface/surface.wasm
package surface

//go:generate go run ./cmd/surface ../..
