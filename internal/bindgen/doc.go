// Package bindgen writes Go bindings from WIT: for hosts that serve an interface, and for hosts that call one that a
// guest exports.
//
// In go resolved WIT ([wit.Set]) and the Go packages that WIT packages live in; out come files of Go source, one an
// interface, the same for the same input. What an interface's types become in Go is said in names.go and gotype.go; how
// a cm.Val becomes a Go value and back, in convert.go, as direct code for each type: generated bindings use no reflection.
//
// [House] lists the bindings that are part of this module. They are checked in, and a test regenerates them in memory.
//
//go:generate go run ./cmd/bindgen -house ../..
package bindgen
