// Package socketsp2 is the Go binding of wasi:sockets@0.2.12, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:sockets@0.2.12 --package socketsp2 --out . --feature network-error-code
package socketsp2
