// Package randomp3 serves wasi:random of WASI 0.3 with the capabilities of package wasi/random: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:random@0.3.0 --package randomp3 --out .
package randomp3
