//go:build !linux

package sockets

import "net/netip"

// Systems other than Linux have name lookup; sockets cannot be made there.

func newTCPSock(Family) (*sock, error) { return nil, failed(CodeNotSupported) }

func newUDPSock(Family) (*sock, error) { return nil, failed(CodeNotSupported) }

func pollNow(int, bool) bool { return true }

func (s *sock) bind(netip.AddrPort) error           { return failed(CodeNotSupported) }
func (s *sock) listen(int) error                    { return failed(CodeNotSupported) }
func (s *sock) connect(netip.AddrPort) error        { return failed(CodeNotSupported) }
func (s *sock) disconnect() error                   { return failed(CodeNotSupported) }
func (s *sock) pending() error                      { return failed(CodeNotSupported) }
func (s *sock) accept() (*sock, error)              { return nil, failed(CodeNotSupported) }
func (s *sock) recv([]byte) (int, error)            { return 0, failed(CodeNotSupported) }
func (s *sock) send([]byte) error                   { return failed(CodeNotSupported) }
func (s *sock) sendTo([]byte, netip.AddrPort) error { return failed(CodeNotSupported) }
func (s *sock) shutdown(bool, bool) error           { return failed(CodeNotSupported) }
func (s *sock) localAddr() (netip.AddrPort, error)  { return netip.AddrPort{}, failed(CodeNotSupported) }
func (s *sock) remoteAddr() (netip.AddrPort, error) {
	return netip.AddrPort{}, failed(CodeNotSupported)
}
func (s *sock) option(option, Family) (int, error)  { return 0, failed(CodeNotSupported) }
func (s *sock) setOption(option, Family, int) error { return failed(CodeNotSupported) }
func (s *sock) recvFrom([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, failed(CodeNotSupported)
}
