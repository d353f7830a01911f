// Package inbound is the Go binding of the world spin:mqtt-trigger/spin-mqtt, which bindgen makes from the WIT text of this module.
//
//go:generate go run ../../../../bindgen/cmd/bindgen --wit ../../wit/trigger --bind spin:mqtt-trigger/spin-mqtt --out .
package inbound
