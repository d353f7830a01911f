package mqtt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/mqttconn"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/bindings/inbound"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves fermyon:spin/mqtt@2.0.0 and spin:mqtt/mqtt@3.0.0, and the types of handlers of messages, which the trigger in trigger/mqtt calls.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin, whose backends are those of the types that AddType adds. Without grants a component has none.
func New() *Plugin { return &Plugin{backend.NewTypes[Backend]().StoresNothing()} }

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "mqtt" }

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{spin2.MqttID, spin3.MqttID, inbound.SpinMqttTypesID}
}

// Bind implements host.Plugin. A component reaches the brokers that its grants name, and no others.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	s := &brokers{component: b.Component.Name, lines: b.Lines}
	release = func() {}
	if grants := b.Component.Grants.MQTT; len(grants) > 0 {
		for _, name := range slices.Sorted(maps.Keys(grants)) {
			if err := CheckName(name); err != nil {
				return nil, fmt.Errorf("grants.mqtt: a name: %w", err)
			}
		}
		if s.routes, release, err = p.backends.Bind(ctx, b, "mqtt", grants); err != nil {
			return nil, err
		}
	}
	spin2.AddMqtt(l, spin2Brokers{s})
	spin3.AddMqtt(l, spin3Brokers{s})
	inbound.AddSpinMqttTypes(l)
	return release, nil
}

// isAddress says that a grant's name is an address: mqtt://HOST:PORT.
func isAddress(name string) bool { return strings.Contains(name, "://") }

// CheckName finds what is wrong with the name of a grant.
func CheckName(name string) error {
	if !isAddress(name) {
		return nil
	}
	t, err := mqttconn.ParseURL(name)
	if err == nil && t.Client != "" {
		return errors.New("the address has a client_id; a grant's name is the broker's address, mqtt://HOST:PORT")
	}
	return err
}

// brokers are those of one component.
type brokers struct {
	component string
	lines     *host.Lines
	routes    map[string]backend.Route[Backend]
}

// Errors that have cases of their own in the interfaces.
var (
	errInvalid = errors.New("the address is invalid")
	errDenied  = errors.New("the component may not use this broker")
)

// connection is the resource, whatever its interface. Its methods may be called at once.
type connection struct {
	client Client
	place  string // the grant's name
	watch  *backend.Watch
}

// open is a client for what the guest has given: the name of a grant, or an address that one covers.
func (b *brokers) open(ctx context.Context, given, user, password string) (*connection, error) {
	login := Login{User: user, Password: password}
	r, ok := b.routes[given]
	name := given
	if !ok || isAddress(given) {
		t, err := mqttconn.ParseURL(given)
		if err != nil {
			b.deny(ctx, "a broker that is not among the granted ones", "NAME")
			return nil, fmt.Errorf("%w: %w", errInvalid, err)
		}
		if name, ok = b.covering(t); !ok {
			b.deny(ctx, place(t), strconv.Quote(place(t)))
			return nil, errDenied
		}
		r, login.Client = b.routes[name], t.Client
	}
	client, err := r.Backend.Open(login)
	if err != nil {
		return nil, err
	}
	return &connection{client, name, r.Watch}, nil
}

// covering is the name of the grant of an address.
func (b *brokers) covering(t mqttconn.Target) (name string, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(b.routes)) {
		if !isAddress(name) {
			continue
		}
		if g, err := mqttconn.ParseURL(name); err == nil && g.TLS == t.TLS && g.Host == t.Host && g.Port == t.Port {
			return name, true
		}
	}
	return "", false
}

// place is an address without its query: mqtt://HOST:PORT.
func place(t mqttconn.Target) string {
	scheme, host := "mqtt", t.Host
	if t.TLS {
		scheme = "mqtts"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + t.Port
}

// deny tells the operator what is not granted. Neither names nor logins are in the line: they may be anything.
func (b *brokers) deny(ctx context.Context, what, grant string) {
	b.lines.Log(ctx, host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: fmt.Sprintf(
		"%s is not granted; to allow it, add %s: {mqtt: URL} to grants.mqtt of component %s", what, grant, b.component)})
}

// Drop ends the use of the client.
func (c *connection) Drop(context.Context) error {
	c.client.Close()
	return nil
}

// topicError says what is wrong with a topic.
type topicError string

func (e topicError) Error() string { return "the topic is invalid: " + string(e) }

// checkTopic finds what keeps a text from being the topic of a message (MQTT 5, 4.7).
func checkTopic(topic string) error {
	switch {
	case topic == "":
		return topicError("it is empty")
	case len(topic) > 65535:
		return topicError("it is longer than 65535 bytes")
	case strings.ContainsAny(topic, "+#"):
		return topicError("it has a wildcard")
	case strings.ContainsRune(topic, 0) || !utf8.ValidString(topic):
		return topicError("it has a zero character")
	}
	return nil
}

// errTooLarge says that a message is larger than MaxPayload.
var errTooLarge = errors.New("the message is too large")

// publishTime bounds a call.
const publishTime = 10 * time.Second

// publish sends a message. Observers are told of the grant's name in the topic's place: a topic may have anything in it.
func (c *connection) publish(ctx context.Context, topic string, payload []byte, qos int) error {
	if err := checkTopic(topic); err != nil {
		return err
	}
	if len(payload) > MaxPayload {
		return errTooLarge
	}
	m := &Message{Topic: topic, Payload: payload, QoS: qos}
	out := host.OutgoingMessageFrom(ctx)
	out.Sent("mqtt", c.place, len(payload))
	if out != nil {
		m.Header = out.Header
	}
	bounded, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	err := c.client.Send(bounded, m)
	c.watch.Met(ctx, err, ErrRefused)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return fmt.Errorf("%w: it did not answer within %s", ErrUnavailable, publishTime)
	}
	return err
}

// kind is a case of the interfaces' error.
type kind int

const (
	kindAddress kind = iota
	kindConnections
	kindFailed
	kindOther
)

// failure splits an error into the guest's case, with its text, and the cause for operators. ok is false if the call has no error for the
// guest, because its context has ended: cause is its error.
func failure(ctx context.Context, err error) (k kind, text string, cause error, ok bool) {
	var topic topicError
	switch {
	case ctx.Err() != nil:
		return 0, "", err, false
	case errors.Is(err, errInvalid):
		return kindAddress, "", err, true
	case errors.Is(err, errDenied):
		return kindFailed, errDenied.Error(), err, true
	case errors.Is(err, ErrConnections):
		return kindConnections, "", &cm.BackendError{Text: ErrConnections.Error(), Err: err}, true
	case errors.Is(err, ErrUnavailable):
		return kindFailed, ErrUnavailable.Error(), &cm.BackendError{Text: ErrUnavailable.Error(), Err: err}, true
	case errors.As(err, &topic):
		return kindOther, topic.Error(), err, true
	}
	text, cause, ok = backend.Failure(ctx, err, ErrRefused, errTooLarge)
	return kindOther, text, cause, ok
}
