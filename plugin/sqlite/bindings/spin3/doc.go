// Package spin3 is the Go binding of spin:sqlite@3.1.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/spin3 --bind spin:sqlite@3.1.0 --out .
package spin3
