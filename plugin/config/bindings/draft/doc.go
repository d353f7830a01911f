// Package draft is the Go binding of wasi:config@0.2.0-draft-2024-09-27, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit wit --bind wasi:config@0.2.0-draft-2024-09-27 --out .
package draft
