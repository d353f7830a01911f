// Package httpp2 serves wasi:http of WASI 0.2 with the capabilities of package wasi/http: generated bindings, and the
// conversions between their types and those of the capability. It decides nothing of its own.
package httpp2
