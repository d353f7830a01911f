// Package spin3 is the Go binding of spin:postgres@3.0.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/spin3 --bind spin:postgres@3.0.0 --out .
package spin3
