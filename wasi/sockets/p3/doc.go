// Package socketsp3 serves wasi:sockets of WASI 0.3 with the capabilities of package wasi/sockets: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:sockets@0.3.0 --package socketsp3 --out .
package socketsp3
