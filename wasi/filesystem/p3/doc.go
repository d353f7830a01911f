// Package filesystemp3 serves wasi:filesystem of WASI 0.3 with the capabilities of package wasi/filesystem: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:filesystem@0.3.0 --package filesystemp3 --out .
package filesystemp3
