// Package clocksp3 serves wasi:clocks of WASI 0.3 with the capabilities of package wasi/clocks: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:clocks@0.3.0 --package clocksp3 --out . --feature clocks-timezone
package clocksp3
