// Package clocksp2 is the Go binding of wasi:clocks@0.2.12, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:clocks@0.2.12 --package clocksp2 --out . --feature clocks-timezone
package clocksp2
