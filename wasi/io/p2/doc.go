// Package iop2 is the Go binding of wasi:io@0.2.12, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:io@0.2.12 --package iop2 --out . --borrows-bytes output-stream.write,output-stream.blocking-write-and-flush --child input-stream.subscribe,output-stream.subscribe
package iop2
