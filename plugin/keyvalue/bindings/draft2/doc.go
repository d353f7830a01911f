// Package draft2 is the Go binding of wasi:keyvalue@0.2.0-draft2, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit wit --bind wasi:keyvalue@0.2.0-draft2 --out .
package draft2
