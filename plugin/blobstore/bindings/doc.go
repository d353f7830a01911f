// Package bindings is the Go binding of wasi:blobstore@0.2.0-draft, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../wit --wit ../../../wasi/wit --bind wasi:blobstore@0.2.0-draft --out . --child outgoing-value.outgoing-value-write-body
package bindings
