//go:build !linux

package sockets

// platformSystems makes the sockets of guests.
var platformSystems = netSystems
