// Package inbound is the Go binding of inbound-redis of fermyon:spin, which has no version, as bindgen makes it from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/trigger --bind fermyon:spin --out .
package inbound
