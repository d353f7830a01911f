// Package mqtt is a broker on a server of MQTT 5. A subject is the topic with slashes in the place of its dots, and * and > are + and #; fields of a message
// are user properties, and the subject for its answer is the response topic. Messages go and come at least once (quality of service 1).
//
// A group is a shared subscription. A durable subscription is a session that the server keeps, under the subscription's name, for a week after the
// connection: each process that subscribes needs a name of its own. The server brings a message again after a lost connection only, so that a message
// which is to be tried again waits in the process, unacknowledged; acknowledgements are sent in the order of the messages (MQTT 5, 4.6), so that those behind it
// come once more, too, if the process ends before. How often a message has come is counted in the process.
package mqtt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/mqttconn"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {mqtt: "mqtt://127.0.0.1:1883"}, or {mqtt: {url: …, username: me, password: {env: MQTT_PASSWORD}}}.
type Config struct {
	URL      string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server, which speaks MQTT 5: mqtt://HOST:PORT, mqtts://… with TLS. It has no user."`
	Username string          `yaml:"username" doc:"The user."`
	Password workload.Secret `yaml:"password" doc:"Where the password is."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "mqtt", Doc: "A server of MQTT 5.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) { return mqttconn.Config(config.(Config)).Check() }

// Backend implements messaging.Backend.
type Backend struct {
	target mqttconn.Target
	sender *mqttconn.Sender

	mu      sync.Mutex
	answers *answers // of requests; nil: none was made, or its connection was lost
}

var (
	_ messaging.Backend = (*Backend)(nil)
	_ io.Closer         = (*Backend)(nil)
	_ backend.Pinger    = (*Backend)(nil)
)

// Open makes a backend for a server, and connects to it when it is needed. It reads secrets at once. The backend must be closed.
func Open(c Config) (*Backend, error) {
	t, err := mqttconn.Config(c).Target()
	if err != nil {
		return nil, err
	}
	return &Backend{target: t, sender: mqttconn.NewSender(t)}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "mqtt" }

// System implements messaging.Backend.
func (*Backend) System() string { return "mqtt" }

// Bus implements messaging.Backend. A server's topics belong to all who have access to it; sessions of durable subscriptions have the owner in
// their names.
func (b *Backend) Bus(owner messaging.Owner) messaging.Bus { return &bus{b, owner} }

// Ping implements backend.Pinger.
func (b *Backend) Ping(ctx context.Context) error {
	_, err := b.sender.Conn(ctx)
	return failure(err)
}

// Close closes the connections. Subscriptions are closed on their own.
func (b *Backend) Close() error {
	b.mu.Lock()
	a := b.answers
	b.answers = nil
	b.mu.Unlock()
	if a != nil {
		a.conn.Close()
	}
	return b.sender.Close()
}

type bus struct {
	*Backend
	owner messaging.Owner
}

// topicOf is the topic of a subject, which may have wildcards.
func topicOf(subject string) (string, error) {
	if strings.ContainsAny(subject, "/+#") || strings.HasPrefix(subject, "$") {
		return "", fmt.Errorf("%w: it has a character with a meaning in topics of MQTT", messaging.ErrSubject)
	}
	return strings.NewReplacer(".", "/", "*", "+", ">", "#").Replace(subject), nil
}

// subjectOf is the subject of a topic; ok is false where it has none.
func subjectOf(topic string) (subject string, ok bool) {
	if strings.ContainsAny(topic, ".*>") {
		return "", false
	}
	subject = strings.ReplaceAll(topic, "/", ".")
	return subject, messaging.CheckSubject(subject) == nil
}

// message is a message as it is sent.
func message(m *messaging.Message) (*paho.Publish, error) {
	if err := messaging.CheckSubject(m.Subject); err != nil {
		return nil, err
	}
	topic, err := topicOf(m.Subject)
	if err != nil {
		return nil, err
	}
	p := &paho.Publish{Topic: topic, QoS: 1, Payload: m.Body, Properties: &paho.PublishProperties{}}
	if m.Reply != "" {
		if p.Properties.ResponseTopic, err = topicOf(m.Reply); err != nil {
			return nil, err
		}
	}
	for name, v := range m.Header {
		p.Properties.User.Add(name, v)
	}
	return p, nil
}

// received is a message that has come, with its topic as its subject.
func received(p *paho.Publish) *messaging.Message {
	m := &messaging.Message{Subject: p.Topic, Body: p.Payload}
	if p.Properties == nil {
		return m
	}
	if reply, ok := subjectOf(p.Properties.ResponseTopic); ok {
		m.Reply = reply
	}
	for _, u := range p.Properties.User {
		if m.Header == nil {
			m.Header = make(map[string]string, len(p.Properties.User))
		}
		name := strings.ToLower(u.Key) // other programs write them in capitals
		if before, twice := m.Header[name]; twice {
			u.Value = before + "," + u.Value
		}
		m.Header[name] = u.Value
	}
	return m
}

// Publish implements messaging.Bus: the server has acknowledged the message.
func (b *bus) Publish(ctx context.Context, m *messaging.Message) error {
	p, err := message(m)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err = b.sender.Send(ctx, p)
	return failure(err)
}

// Send publishes to a topic, whose name may be any without wildcards, with the quality of service 1.
func (b *Backend) Send(ctx context.Context, topic string, m *messaging.Message) error {
	p := &paho.Publish{Topic: topic, QoS: 1, Payload: m.Body, Properties: &paho.PublishProperties{}}
	for name, v := range m.Header {
		p.Properties.User.Add(name, v)
	}
	_, err := b.sender.Send(ctx, p)
	return failure(err)
}

// answers are those to requests, which come on one connection.
type answers struct {
	conn *mqttconn.Conn
	base string // of their topics

	mu      sync.Mutex
	last    uint64
	waiting map[string]chan *messaging.Message // by topics
}

func (b *Backend) listenForAnswers(ctx context.Context) (*answers, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.answers; a != nil {
		select {
		case <-a.conn.Done():
			a.conn.Close()
			b.answers = nil
		default:
			return a, nil
		}
	}
	a := &answers{base: "vitrine/answers/" + mqttconn.RandomID("to") + "/", waiting: map[string]chan *messaging.Message{}}
	conn, err := mqttconn.Dial(ctx, b.target, mqttconn.Options{Got: a.got, Receive: 1000})
	if err != nil {
		return nil, err
	}
	if err := conn.Listen(ctx, a.base+"+", 0, false); err != nil {
		conn.Close()
		return nil, err
	}
	a.conn, b.answers = conn, a
	return a, nil
}

func (a *answers) got(p *paho.Publish) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if to := a.waiting[p.Topic]; to != nil {
		delete(a.waiting, p.Topic)
		m := received(p)
		m.Subject, _ = subjectOf(p.Topic)
		to <- m
	}
}

// Request implements messaging.Bus. If the server knows that nobody listens it is an ErrTimeout at once.
func (b *bus) Request(ctx context.Context, m *messaging.Message) (*messaging.Message, error) {
	p, err := message(m)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	a, err := b.listenForAnswers(ctx)
	if err != nil {
		return nil, failure(err)
	}
	answer := make(chan *messaging.Message, 1)
	a.mu.Lock()
	a.last++
	p.Properties.ResponseTopic = fmt.Sprintf("%s%d", a.base, a.last)
	a.waiting[p.Properties.ResponseTopic] = answer
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.waiting, p.Properties.ResponseTopic)
	}()
	switch none, err := b.sender.Send(ctx, p); {
	case err != nil:
		return nil, failure(err)
	case none:
		return nil, fmt.Errorf("%w: nobody listens", messaging.ErrTimeout)
	}
	select {
	case m := <-answer:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-a.conn.Done():
		return nil, fmt.Errorf("%w: the connection was lost", messaging.ErrUnavailable)
	}
}

// failure names an error that guests are told.
func failure(err error) error {
	var reason *mqttconn.ReasonError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mqttconn.ErrUnavailable) && errors.As(err, &reason):
		return &backend.DownError{Reason: reason.Down(), Err: fmt.Errorf("%w: %w", messaging.ErrUnavailable, err)}
	case errors.Is(err, mqttconn.ErrUnavailable):
		return fmt.Errorf("%w: %w", messaging.ErrUnavailable, err)
	case !errors.As(err, &reason):
		return err
	}
	named := map[byte]error{0x87: messaging.ErrDenied, 0x90: messaging.ErrSubject, 0x8f: messaging.ErrSubject, 0x95: messaging.ErrTooLarge, 0x97: messaging.ErrQuota}[reason.Code]
	if named == nil {
		return err
	}
	return fmt.Errorf("%w: %w", named, err)
}

// How long the server keeps a session that nobody is connected for: of a durable subscription, and of a temporary one.
const (
	keep     = 7 * 24 * time.Hour
	awayTime = time.Minute
)
