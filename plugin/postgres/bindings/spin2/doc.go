// Package spin2 is the Go binding of fermyon:spin@2.0.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/spin2 --bind fermyon:spin@2.0.0 --out .
package spin2
