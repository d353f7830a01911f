//go:build !linux && !darwin && !freebsd && !windows

package sockets

import (
	"errors"
	"net/netip"
)

// On untested systems there is name lookup, but sockets cannot be made.

type handle = uintptr

const (
	streamKind = iota
	datagramKind
)

func openHandle(Family, int) (handle, error)        { return 0, failed(CodeNotSupported) }
func closeHandle(handle)                            {}
func bindHandle(handle, netip.AddrPort) error       { return errors.ErrUnsupported }
func reuseAddress(handle) error                     { return errors.ErrUnsupported }
func listenHandle(handle, int) error                { return errors.ErrUnsupported }
func noBroadcast(handle) error                      { return errors.ErrUnsupported }
func localOf(handle) (netip.AddrPort, error)        { return netip.AddrPort{}, errors.ErrUnsupported }
func remoteOf(handle) (netip.AddrPort, error)       { return netip.AddrPort{}, errors.ErrUnsupported }
func getOption(handle, Family, option) (int, error) { return 0, errors.ErrUnsupported }
func setOption(handle, Family, option, int) error   { return errors.ErrUnsupported }
