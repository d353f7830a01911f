// Package clip3 serves wasi:cli of WASI 0.3 with the capabilities of package wasi/cli: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:cli@0.3.0 --package clip3 --out .
package clip3
