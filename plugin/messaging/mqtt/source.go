package mqtt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/vitrine-wasm/vitrine/plugin/internal/mqttconn"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// Filter says which messages of which topics are wanted, in MQTT's own terms.
type Filter struct {
	Topic string // a filter, with + and #
	QoS   int
	Group string // of a shared subscription; empty: none
	// Session is the name of the session that the server keeps when the connection is lost, with what comes meanwhile. Empty: there is none; then a
	// message comes once, and those that find too many waiting are lost.
	Session string
	// Temporary says that the session ends when the subscription is closed, or is away for a minute.
	Temporary bool
	Retained  bool // whether messages that the server retains for topics come first
	Pending   int  // how many messages wait in the process at most
}

// Subscribe implements messaging.Bus.
func (b *bus) Subscribe(ctx context.Context, s messaging.Subscription) (messaging.Source, error) {
	if err := messaging.CheckPattern(s.Subject); err != nil {
		return nil, err
	}
	topic, err := topicOf(s.Subject)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(s.Group, "/+#") {
		return nil, errors.New("the group has a character with a meaning in topics of MQTT")
	}
	f := Filter{Topic: topic, QoS: 1, Group: s.Group, Pending: s.Pending}
	if s.Durable != "" {
		f.Session = SessionOf(b.owner, s.Durable, topic, s.Group)
	}
	return b.listen(ctx, f, func(m *messaging.Message) bool {
		var ok bool
		m.Subject, ok = subjectOf(m.Subject)
		return ok && messaging.Covers(s.Subject, m.Subject)
	})
}

// SessionOf is the name of the session of an owner's durable subscription, by the subscription's name and what is subscribed to: a session keeps
// that, too.
func SessionOf(owner messaging.Owner, name, topic, group string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q", owner.Namespace, owner.Workload, owner.Component, name, topic, group))
	return "vitrine" + hex.EncodeToString(sum[:8]) // MQTT 5, 3.1.3.1: servers take 23 letters and digits at least
}

// TemporarySession is a name that no other session has.
func TemporarySession() string { return mqttconn.RandomID("vitrine") }

// Listen subscribes to a filter. The messages' subjects are their topics. What is said of Subscribe is so here.
func (b *Backend) Listen(ctx context.Context, f Filter) (messaging.Source, error) {
	return b.listen(ctx, f, func(*messaging.Message) bool { return true })
}

// defaultPending is how many messages wait for a subscription that does not say.
const defaultPending = 1024

func (b *Backend) listen(ctx context.Context, f Filter, wanted func(*messaging.Message) bool) (messaging.Source, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s := &source{pending: cmp.Or(f.Pending, defaultPending), wanted: wanted, kept: f.Session != "", closed: make(chan struct{})}
	s.ready = make(chan *delivery, s.pending)
	o := mqttconn.Options{ID: f.Session, Receive: s.pending, Got: s.got}
	switch {
	case f.Temporary:
		o.Keep, s.temporary = awayTime, true
	case s.kept:
		o.Keep = keep
	}
	conn, err := mqttconn.Dial(ctx, b.target, o)
	if err != nil {
		return nil, failure(err)
	}
	s.start(conn)
	filter := f.Topic
	if f.Group != "" {
		filter = "$share/" + f.Group + "/" + filter
	}
	if err := conn.Listen(ctx, filter, byte(f.QoS), f.Retained); err != nil {
		conn.Close()
		return nil, failure(err)
	}
	return s, nil
}

// source implements messaging.Source.
type source struct {
	wanted    func(*messaging.Message) bool
	kept      bool // the server keeps messages until they are done
	temporary bool
	pending   int
	ready     chan *delivery // what waits for Next; of a kept subscription it has room for all that is not acknowledged
	lost      atomic.Int64
	once      sync.Once
	closed    chan struct{}

	mu     sync.Mutex
	conn   *mqttconn.Conn // nil until it is there: messages of a session may come before
	order  []*delivery    // not acknowledged, as they came
	unsure bool           // acknowledgements that matter were sent
}

func (s *source) start(c *mqttconn.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = c
	s.acknowledge()
}

// got takes a message that has come.
func (s *source) got(p *paho.Publish) {
	m := received(p)
	d := &delivery{of: s, p: p, m: m, attempt: 1, done: !s.kept}
	if p.Packet().Duplicate { // it has come on an earlier connection
		d.attempt = 2
	}
	wanted := s.wanted(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !wanted {
		d.done = true
	}
	if p.QoS > 0 {
		s.order = append(s.order, d)
		_ = s.acknowledge() // of one that was not, the server brings it again
	}
	if !wanted {
		return
	}
	select {
	case s.ready <- d:
	default: // more than the server may send: it counts messages of quality of service 0 on its own
		s.lost.Add(1)
		d.done = true
		_ = s.acknowledge()
	}
}

// acknowledge tells the server of the messages that are done, up to the first that is not. s.mu is held.
func (s *source) acknowledge() error {
	for len(s.order) > 0 && s.order[0].done && s.conn != nil {
		if err := s.conn.Ack(s.order[0].p); err != nil {
			return failure(err)
		}
		s.order, s.unsure = s.order[1:], s.kept
	}
	return nil
}

var (
	errClosed = errors.New("the subscription is closed")
	errLost   = fmt.Errorf("%w: the connection was lost", messaging.ErrUnavailable)
)

// Next implements messaging.Source. Messages of a connection that was lost are not given: the server brings them again, or they are lost.
func (s *source) Next(ctx context.Context) (messaging.Delivery, error) {
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case s.isClosed():
		return nil, errClosed
	}
	select {
	case d := <-s.ready:
		return d, nil
	case <-s.closed:
		return nil, errClosed
	case <-s.conn.Done():
		if s.isClosed() {
			return nil, errClosed
		}
		return nil, errLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// flushTime bounds how long Close waits until the server has taken acknowledgements. One that it has not brings messages again.
const flushTime = time.Second

func (s *source) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Lost implements messaging.Source.
func (s *source) Lost() int64 { return s.lost.Load() }

// Close implements messaging.Source. The server keeps the session of a durable subscription.
func (s *source) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		unsure := s.unsure
		s.mu.Unlock()
		if unsure {
			ctx, cancel := context.WithTimeout(context.Background(), flushTime)
			defer cancel()
			s.conn.Flush(ctx)
		}
		if s.temporary {
			s.conn.Forget()
		}
		s.conn.Close()
	})
	return nil
}

// delivery implements messaging.Delivery.
type delivery struct {
	of      *source
	p       *paho.Publish
	m       *messaging.Message
	attempt int
	done    bool // of.mu is held
}

// Message implements messaging.Delivery.
func (d *delivery) Message() *messaging.Message { return d.m }

// Attempt implements messaging.Delivery.
func (d *delivery) Attempt() int { return d.attempt }

// Done implements messaging.Delivery.
func (d *delivery) Done(context.Context) error {
	s := d.of
	s.mu.Lock()
	defer s.mu.Unlock()
	d.done = true
	return s.acknowledge()
}

// Retry implements messaging.Delivery.
func (d *delivery) Retry(_ context.Context, after time.Duration) error {
	s := d.of
	if !s.kept || d.p.QoS == 0 {
		return messaging.ErrNoRetry
	}
	again := &delivery{of: s, p: d.p, m: d.m, attempt: d.attempt + 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.order {
		if o == d {
			s.order[i] = again
			time.AfterFunc(after, func() {
				select {
				case s.ready <- again: // there is room for all that is not acknowledged
				case <-s.closed:
				case <-s.conn.Done():
				}
			})
			return nil
		}
	}
	return errLost
}
