// Package mqtt brings the messages of topics of a broker of MQTT 5 to a component, one call each, by the interface of the trigger of Spin's community: the
// function handle-message of the world spin:mqtt-trigger/spin-mqtt. Components that export wasmcloud:messaging/handler have the trigger in
// trigger/messaging, over the same brokers.
//
// With a quality of service of 1 or 2, the default, a message is acknowledged when its handler has returned, so that it comes at least once: again after a
// lost connection, and, if it was not handled (an error, a trap, a deadline), after a time that doubles with each attempt, until Subscription.Attempts. What was
// given up goes to Subscription.DeadLetter, if that is set, with its body, its user properties and the user properties vitrine-subject, vitrine-reason and
// vitrine-attempts. The broker keeps what comes while the connection is away for a minute, or, with Subscription.Durable, for a week, also while
// the process is not there. Acknowledgements are sent in the order of the messages (MQTT 5, 4.6): those behind a message that is tried again come once more if the
// process ends before. With a quality of service of 0 a message comes once at most, and is lost if too many wait.
//
// Up to Subscription.Concurrency messages are under way at once, and the broker sends no more than eight times as many before the first of them is acknowledged: so
// far others go on while one is tried again. The context of a trace comes in user properties: who publishes and who handles are one trace.
//
// A broker that is down keeps no workload from starting: the trigger subscribes when it is up, and again when a connection was lost.
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
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	broker "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/bindings/inbound"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TypeName is the type of the trigger: workload.TriggerSpec.Type, and the key in a manifest.
const TypeName = "mqtt"

// Subscription is the config of the trigger in a workload.
type Subscription struct {
	Address     string          `yaml:"address" required:"true" minLength:"1" reaches:"true" doc:"The broker, which speaks MQTT 5: mqtt://HOST:PORT, mqtts://… with TLS. It has no user."`
	Topic       string          `yaml:"topic" required:"true" minLength:"1" doc:"The topics: + stands for one text between slashes, # at the end for all that follow."`
	QoS         *int            `yaml:"qos" min:"0" max:"2" doc:"The quality of service: 0: messages come once at most; 1, the default, and 2: at least once."`
	Username    string          `yaml:"username" doc:"The user."`
	Password    workload.Secret `yaml:"password" doc:"Where the password is."`
	Group       string          `yaml:"group" doc:"Consumers of one group share the messages; without it each gets all of them."`
	Durable     string          `yaml:"durable" doc:"The name under which the broker keeps messages for a week while nobody is there; each process that runs the workload needs a name of its own."`
	Attempts    int             `yaml:"attempts" min:"1" max:"1000" doc:"How often a message that is not handled comes at most; 5 by default."`
	Retry       time.Duration   `yaml:"retry" doc:"How long a message that was not handled waits before it comes again, the first time; it doubles, up to a minute. 1s by default."`
	DeadLetter  string          `yaml:"deadLetter" doc:"The topic to which messages go that were given up. Without it they are dropped."`
	Concurrency int             `yaml:"concurrency" min:"1" max:"10000" doc:"How many messages are handled at once; 16 by default."`
}

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name: TypeName, Doc: "Messages of topics of MQTT, each of them a call.",
		Config: Subscription{}, ComponentDoc: "The component that handles them, by the world spin:mqtt-trigger/spin-mqtt.",
		Summary: func(config any) string { return config.(Subscription).Topic },
		Check: func(ts []workload.TriggerSpec) (found []workload.TriggerMistake) {
			for i := range ts {
				s, _ := ts[i].Config.(Subscription)
				if key, problem := s.check(); problem != "" {
					found = append(found, workload.TriggerMistake{Trigger: i, Key: key, Problem: problem})
				}
			}
			return found
		},
	}
}

func (s *Subscription) qos() int {
	if s.QoS == nil {
		return 1
	}
	return *s.QoS
}

// check finds the first mistake, and the key that has it.
func (s *Subscription) check() (key, problem string) {
	if problem := checkFilter(s.Topic); problem != "" {
		return "topic", problem
	}
	if _, problem := broker.Type().Check(s.server()); problem != "" {
		return "address", problem
	}
	for key, name := range map[string]string{"group": s.Group, "durable": s.Durable} {
		if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return key, "want at most 64 letters, digits, - and _"
		}
	}
	once := s.qos() == 0
	switch {
	case s.qos() < 0 || s.qos() > 2:
		return "qos", fmt.Sprintf("%d: want 0, 1 or 2", s.qos())
	case once && s.Durable != "":
		return "durable", "the key is for a quality of service of 1 or 2 only: with 0 a message comes once"
	case once && s.Attempts != 0:
		return "attempts", "the key is for a quality of service of 1 or 2 only: with 0 a message comes once"
	case once && s.Retry != 0:
		return "retry", "the key is for a quality of service of 1 or 2 only: with 0 a message comes once"
	case s.Retry < 0:
		return "retry", fmt.Sprintf("%s: want more than 0", s.Retry)
	case s.DeadLetter == "":
		return "", ""
	case strings.ContainsAny(s.DeadLetter, "+#") || checkFilter(s.DeadLetter) != "":
		return "deadLetter", "want a topic without wildcards"
	case matches(s.Topic, s.DeadLetter):
		return "deadLetter", "it is among the topics that are listened to: a message that is given up would come again"
	}
	return "", ""
}

// checkFilter finds what keeps a text from being a filter of topics (MQTT 5, 4.7).
func checkFilter(filter string) string {
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		switch {
		case level == "+", level == "#" && i == len(levels)-1:
		case strings.ContainsAny(level, "+#"):
			return "want + alone between slashes, and # alone at the end"
		}
	}
	switch {
	case filter == "":
		return "want topics, such as sensors/+/temperature or sensors/#"
	case len(filter) > 1024 || !utf8.ValidString(filter) || strings.ContainsFunc(filter, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "want at most 1024 bytes, without control characters"
	case levels[0] == "$share":
		return "want the topics alone, and group: NAME beside them"
	}
	return ""
}

// matches says whether a filter covers a topic.
func matches(filter, topic string) bool {
	fs, ts := strings.Split(filter, "/"), strings.Split(topic, "/")
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for i, f := range fs {
		switch {
		case f == "#":
			return true
		case i >= len(ts), f != "+" && f != ts[i]:
			return false
		}
	}
	return len(fs) == len(ts)
}

func (s *Subscription) server() broker.Config {
	return broker.Config{URL: s.Address, Username: s.Username, Password: s.Password}
}

// filter is what the trigger of a component of a workload subscribes to. It is for one start of the workload: a session that is not durable is its
// own.
func (s *Subscription) filter(w *workload.Spec, component string) broker.Filter {
	f := broker.Filter{Topic: s.Topic, QoS: s.qos(), Group: s.Group, Retained: true}
	switch {
	case s.Durable != "":
		f.Session = broker.SessionOf(messaging.Owner{Namespace: w.Namespace, Workload: w.Name, Component: component}, s.Durable, s.Topic, s.Group)
	case f.QoS > 0:
		f.Session, f.Temporary = broker.TemporarySession(), true
	}
	return f
}

// ahead is how many messages the broker sends, for each that is handled at once, before one is acknowledged.
const ahead = 8

// exported is the interface of the world's functions: they are the component's own.
var exported = wit.InterfaceID{}

const function = "handle-message"

// handles says whether a component exports the function.
func handles(linked *component.Linked) bool {
	for _, b := range linked.Boundaries() {
		if b.Kind == cm.HostToGuest && b.Interface == exported && b.Func == function {
			return true
		}
	}
	return false
}

func handle(ctx context.Context, inst *component.Instance, m *messaging.Message) error {
	h, err := inbound.NewSpinMqtt(inst)
	if err != nil {
		return err
	}
	err = h.HandleMessage(ctx, m.Body, inbound.Metadata{Topic: m.Subject})
	var fail *cm.ResultError[inbound.Error]
	if errors.As(err, &fail) { // its text is not passed on: it may quote the message
		return &cm.AnswerError{Reason: messaging.ReasonError, Detail: "the component did not handle the message"}
	}
	return err
}
