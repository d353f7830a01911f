// Package spin4 is the Go binding of spin:postgres@4.2.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/spin4 --bind spin:postgres@4.2.0 --out .
package spin4
