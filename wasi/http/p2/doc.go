// Package httpp2 serves wasi:http of WASI 0.2 with the capabilities of package wasi/http: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
//
//go:generate go run ../../../bindgen/cmd/bindgen --wit ../../wit --bind wasi:http@0.2.12 --package httpp2 --out . --feature informational-outbound-responses --child incoming-request.headers,outgoing-request.headers,incoming-response.headers,outgoing-response.headers,incoming-body.stream,future-trailers.get,outgoing-body.write
package httpp2
