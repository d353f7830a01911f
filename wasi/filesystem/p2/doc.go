// Package filesystemp2 is the Go binding of wasi:filesystem@0.2.12, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:filesystem@0.2.12 --package filesystemp2 --out .
package filesystemp2
