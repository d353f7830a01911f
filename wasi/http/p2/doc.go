// Package httpp2 implements wasi:http of WASI 0.2 on package wasi/http: generated bindings, and conversions between their
// types and those of that package.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:http@0.2.12 --package httpp2 --out . --feature informational-outbound-responses --child incoming-request.headers,outgoing-request.headers,incoming-response.headers,outgoing-response.headers,incoming-body.stream,future-trailers.get,outgoing-body.write
package httpp2
