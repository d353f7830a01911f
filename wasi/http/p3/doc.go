// Package httpp3 serves wasi:http of WASI 0.3 with the capabilities of package wasi/http: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:http@0.3.0 --package httpp3 --out . --child request.get-options
package httpp3
