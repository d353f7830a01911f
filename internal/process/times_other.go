//go:build !unix

package process

// times reads nothing: the system has no getrusage.
func (s *Stats) times() {}
