package mqttconn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Sender sends over one connection, which it makes when it is needed, and again when it was lost. Make it with [NewSender]. Safe for concurrent
// use.
type Sender struct {
	target Target
	busy   chan struct{} // holds one element while the fields below are used

	conn   *Conn
	failed int       // tries to connect, since the last one that succeeded
	next   time.Time // when to try again
	reason error
	closed bool
}

// NewSender makes a sender, which connects when it is needed.
func NewSender(t Target) *Sender {
	return &Sender{target: t, busy: make(chan struct{}, 1)}
}

// The time between tries to connect: calls meanwhile fail at once.
const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 5 * time.Second
)

// Conn is the connection.
func (s *Sender) Conn(ctx context.Context) (*Conn, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s.closed {
		return nil, fmt.Errorf("%w: the connection is closed", ErrUnavailable)
	}
	if s.conn != nil {
		select {
		case <-s.conn.Done():
			s.conn.Close()
			s.conn = nil
		default:
			return s.conn, nil
		}
	}
	if time.Now().Before(s.next) {
		return nil, s.reason
	}
	id := s.target.Client
	if id == "" {
		id = "vitrine"
	}
	conn, err := Dial(ctx, s.target, Options{ID: RandomID(id)})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		d := min(firstDelay<<min(s.failed, 10), maxDelay)
		s.failed++
		s.next, s.reason = time.Now().Add(d/2+rand.N(d/2)), err
		return nil, err
	}
	s.conn, s.failed, s.next = conn, 0, time.Time{}
	return conn, nil
}

// Send sends a message: see Conn.Send.
func (s *Sender) Send(ctx context.Context, p *paho.Publish) (none bool, err error) {
	conn, err := s.Conn(ctx)
	if err != nil {
		return false, err
	}
	return conn.Send(ctx, p)
}

// Close ends the connection.
func (s *Sender) Close() error {
	s.busy <- struct{}{} // a call that connects takes CallTime at most
	defer func() { <-s.busy }()
	s.closed = true
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
	return nil
}
