// Package clip2 is the Go binding of wasi:cli@0.2.12, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:cli@0.2.12 --package clip2 --out .
package clip2
