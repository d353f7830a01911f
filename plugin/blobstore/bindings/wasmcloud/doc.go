// Package wasmcloud is the Go binding of wasmcloud:blobstore@0.1.0, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit wit --bind wasmcloud:blobstore@0.1.0 --out .
package wasmcloud
