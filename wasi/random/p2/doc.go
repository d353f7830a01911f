// Package randomp2 is the Go binding of wasi:random@0.2.12, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:random@0.2.12 --package randomp2 --out .
package randomp2
