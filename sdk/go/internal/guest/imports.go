//go:build wasip1

package main

import "unsafe"

// These are WASI 0.3's functions as core functions: bindgen has no bindings of asynchronous ones.

//go:wasmimport wasi:http/types@0.3.0 [constructor]fields
func fieldsNew() uint32

//go:wasmimport wasi:http/types@0.3.0 [method]request.get-path-with-query
func requestPath(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.3.0 [resource-drop]request
func requestDrop(h uint32)

//go:wasmimport wasi:http/types@0.3.0 [resource-drop]response
func responseDrop(h uint32)

//go:wasmimport wasi:http/types@0.3.0 [static]response.new
func responseNew(headers, hasBody, body, trailers uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.3.0 [stream-new-0][static]response.new
func streamNew() uint64

//go:wasmimport wasi:http/types@0.3.0 [async-lower][stream-write-0][static]response.new
func streamWrite(h uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport wasi:http/types@0.3.0 [stream-drop-writable-0][static]response.new
func streamDropWritable(h uint32)

//go:wasmimport wasi:http/types@0.3.0 [future-new-1][static]response.new
func trailersNew() uint64

//go:wasmimport wasi:http/types@0.3.0 [async-lower][future-write-1][static]response.new
func trailersWrite(h uint32, p unsafe.Pointer) uint32

//go:wasmimport wasi:http/types@0.3.0 [future-drop-writable-1][static]response.new
func trailersDropWritable(h uint32)

//go:wasmimport wasi:http/types@0.3.0 [future-drop-readable-2][static]response.new
func sentDropReadable(h uint32)

//go:wasmimport [export]wasi:http/handler@0.3.0 [task-return]handle
func taskReturn(disc, a, b uint32, c uint64, d, e, f, g uint32)

//go:wasmimport wasi:clocks/monotonic-clock@0.3.0 [async-lower]wait-for
func waitFor(ns uint64) uint32

//go:wasmimport wasi:http/client@0.3.0 [async-lower]send
func clientSend(req uint32, ret unsafe.Pointer) uint32

//go:wasmimport wasi:http/types@0.3.0 [static]request.new
func requestNew(headers, hasBody, body, trailers, hasOpt, opt uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.3.0 [method]request.set-authority
func requestSetAuthority(self, some uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport wasi:http/types@0.3.0 [method]request.set-scheme
func requestSetScheme(self, some, disc uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport wasi:http/types@0.3.0 [method]request.set-path-with-query
func requestSetPath(self, some uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport wasi:http/types@0.3.0 [method]response.get-status-code
func responseStatus(self uint32) uint32
