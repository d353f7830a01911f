//go:build !linux

package process

// read reads the processor time, where the system has it.
func (s *Stats) read() { s.times() }
