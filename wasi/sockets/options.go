package sockets

import (
	"math"
	"time"
)

// option is a numeric socket option of the system.
type option uint8

const (
	keepAlive option = iota
	keepAliveIdle
	keepAliveInterval
	keepAliveCount
	hopLimit
	receiveBuffer
	sendBuffer
	options // the number of options
)

// get and set are the common part of all options of a TCP socket.
func (t *TCP) get(o option) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == closed {
		return 0, failed(CodeInvalidState)
	}
	return t.s.sys.option(o)
}

func (t *TCP) set(o option, v int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == closed {
		return failed(CodeInvalidState)
	}
	return t.s.sys.setOption(o, v)
}

// clamp bounds a value that must not be 0.
func clamp(v, most uint64) (int, error) {
	if v == 0 {
		return 0, failed(CodeInvalidArgument)
	}
	return int(min(v, most)), nil
}

// SetBacklog hints how many clients may wait to be accepted.
func (t *TCP) SetBacklog(n uint64) error {
	v, err := clamp(n, math.MaxUint16)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state {
	case connectInProgress, connected, closed:
		return failed(CodeInvalidState)
	case listening:
		if err := t.s.sys.listen(v); err != nil {
			return err
		}
	}
	t.backlog = v
	return nil
}

// KeepAlive says whether an idle connection is probed.
func (t *TCP) KeepAlive() (bool, error) {
	v, err := t.get(keepAlive)
	return v != 0, err
}

// SetKeepAlive is its setter.
func (t *TCP) SetKeepAlive(on bool) error {
	v := 0
	if on {
		v = 1
	}
	return t.set(keepAlive, v)
}

// The system's bounds, in seconds.
const (
	maxKeepAliveSeconds = math.MaxInt16
	maxKeepAliveCount   = 127
)

func (t *TCP) duration(o option) (time.Duration, error) {
	v, err := t.get(o)
	return time.Duration(v) * time.Second, err
}

func (t *TCP) setDuration(o option, nanoseconds uint64) error {
	if nanoseconds == 0 {
		return failed(CodeInvalidArgument)
	}
	seconds := (nanoseconds-1)/uint64(time.Second) + 1
	return t.set(o, int(min(seconds, maxKeepAliveSeconds)))
}

// KeepAliveIdle is how long a connection is idle before it is probed.
func (t *TCP) KeepAliveIdle() (time.Duration, error) { return t.duration(keepAliveIdle) }

// SetKeepAliveIdle is its setter; seconds are rounded up.
func (t *TCP) SetKeepAliveIdle(nanoseconds uint64) error {
	return t.setDuration(keepAliveIdle, nanoseconds)
}

// KeepAliveInterval is the time between probes.
func (t *TCP) KeepAliveInterval() (time.Duration, error) { return t.duration(keepAliveInterval) }

// SetKeepAliveInterval is its setter; seconds are rounded up.
func (t *TCP) SetKeepAliveInterval(nanoseconds uint64) error {
	return t.setDuration(keepAliveInterval, nanoseconds)
}

// KeepAliveCount is how many probes go unanswered before the connection is given up.
func (t *TCP) KeepAliveCount() (uint32, error) {
	v, err := t.get(keepAliveCount)
	return uint32(v), err
}

// SetKeepAliveCount is its setter.
func (t *TCP) SetKeepAliveCount(n uint32) error {
	v, err := clamp(uint64(n), maxKeepAliveCount)
	if err != nil {
		return err
	}
	return t.set(keepAliveCount, v)
}

// HopLimit bounds how many routers a packet passes.
func (t *TCP) HopLimit() (uint8, error) {
	v, err := t.get(hopLimit)
	return uint8(v), err
}

// SetHopLimit is its setter.
func (t *TCP) SetHopLimit(n uint8) error {
	v, err := clamp(uint64(n), math.MaxUint8)
	if err != nil {
		return err
	}
	return t.set(hopLimit, v)
}

// ReceiveBuffer and SendBuffer are the sizes of the system's buffers.
func (t *TCP) ReceiveBuffer() (uint64, error) { return size(t.get(receiveBuffer)) }

// SendBuffer is described at ReceiveBuffer.
func (t *TCP) SendBuffer() (uint64, error) { return size(t.get(sendBuffer)) }

// SetReceiveBuffer and SetSendBuffer wish for a size.
func (t *TCP) SetReceiveBuffer(n uint64) error { return setSize(t.set, receiveBuffer, n) }

// SetSendBuffer is described at SetReceiveBuffer.
func (t *TCP) SetSendBuffer(n uint64) error { return setSize(t.set, sendBuffer, n) }

func size(v int, err error) (uint64, error) { return uint64(max(v, 0)), err }

func setSize(set func(option, int) error, o option, n uint64) error {
	v, err := clamp(n, math.MaxInt32/2)
	if err != nil {
		return err
	}
	return set(o, v)
}
