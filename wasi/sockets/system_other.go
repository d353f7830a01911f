//go:build !linux

package sockets

// ofThisSystem makes the sockets of guests.
var ofThisSystem = netSystems
