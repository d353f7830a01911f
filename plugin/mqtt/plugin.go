package mqtt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/granted"
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
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (func(), error) {
	to, release, err := granted.Bind(ctx, &kinds, p.backends, b, b.Component.Grants.MQTT)
	if err != nil {
		return nil, err
	}
	s := &brokers{to}
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
	*granted.Servers[mqttconn.Target, Backend]
}

var kinds = granted.Kind[mqttconn.Target]{
	Key: "mqtt", Noun: "a broker", IsAddress: isAddress, Check: CheckName, Parse: mqttconn.ParseURL, Place: place, Invalid: errInvalid, Denied: errDenied,
	Covers: func(grant, given *mqttconn.Target) bool {
		return grant.TLS == given.TLS && grant.Host == given.Host && grant.Port == given.Port
	},
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
	f, err := b.Find(ctx, given)
	if err != nil {
		return nil, err
	}
	client, err := f.Route.Backend.Open(Login{User: user, Password: password, Client: f.Given.Client})
	if err != nil {
		return nil, err
	}
	return &connection{client, f.Name, f.Route.Watch}, nil
}

// place is an address without its query: mqtt://HOST:PORT.
func place(t *mqttconn.Target) string {
	scheme, host := "mqtt", t.Host
	if t.TLS {
		scheme = "mqtts"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + t.Port
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
