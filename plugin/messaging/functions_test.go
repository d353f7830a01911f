package messaging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is of the packages that the plugin serves. sent has the messages that the broker was given, as texts.
func table(sent <-chan string) *functions.Table {
	return &functions.Table{
		Plugin: "plugin/messaging", Title: "The functions of messaging and their tests", On: "in memory and on a broker that fails",
		Note: "\nHandlers of messages are tested in `trigger/messaging`.",
		Served: []functions.Served{
			{Of: surface.WasmcloudMessaging2, Reference: "wasmcloud-messaging@0.2.0", Test: func(g *functions.Guest) { testMessaging2(g, sent) }},
			{Of: surface.WasmcloudMessaging3, Reference: "wasmcloud-messaging@0.3.0", Test: func(g *functions.Guest) { testMessaging3(g, sent) }},
		},
	}
}

// failing is a broker on which every call fails, by the last part of its subject.
type failing struct{}

func (failing) System() string                    { return "failing" }
func (failing) Bus(messaging.Owner) messaging.Bus { return failingBus{} }

type failingBus struct{}

func (failingBus) fail(m *messaging.Message) error {
	_, kind, _ := strings.Cut(m.Subject, ".")
	if err := map[string]error{"unavailable": messaging.ErrUnavailable, "quota": messaging.ErrQuota, "denied": messaging.ErrDenied}[kind]; err != nil {
		return fmt.Errorf("planted: %w", err)
	}
	return errors.New("planted")
}

func (b failingBus) Publish(_ context.Context, m *messaging.Message) error { return b.fail(m) }

func (b failingBus) Request(_ context.Context, m *messaging.Message) (*messaging.Message, error) {
	return nil, b.fail(m)
}

func (b failingBus) Subscribe(_ context.Context, s messaging.Subscription) (messaging.Source, error) {
	return nil, b.fail(&messaging.Message{Subject: s.Subject})
}

// TestFunctions calls every function of both interfaces through the boundary of a component, and compares what was seen with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	broker := memory.New(0)
	sent := make(chan string, 16)
	bus := broker.Bus(messaging.Owner{Workload: "w"})
	source, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: "to.>", Pending: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer func() { stop(); <-ended }()
	go func() {
		defer close(ended)
		answer(ctx, bus, source, sent)
	}()

	tb := table(sent)
	tb.Run(t, "", functions.Engine(t), functions.Plugin(messaging.New(broker).Add("failing", failing{}), workload.Component{Grants: workload.Grants{
		Messaging: map[string]workload.StoreGrant{"to.>": {Backend: "memory"}, "fails.*": {Backend: "failing"}},
	}}))
	tb.Compare(t, nil)
}

// answer answers the requests of a source with "re: " and their body, and passes other messages on. No answer goes to to.nobody.
func answer(ctx context.Context, bus messaging.Bus, source messaging.Source, sent chan<- string) {
	for {
		d, err := source.Next(ctx)
		if err != nil {
			return
		}
		m := d.Message()
		_ = d.Done(ctx)
		switch {
		case m.Subject == "to.nobody":
		case m.Reply != "" && m.Subject == "to.ask":
			_ = bus.Publish(ctx, &messaging.Message{Subject: m.Reply, Body: append([]byte("re: "), m.Body...)})
		default:
			sent <- fmt.Sprintf("%s %q %s", m.Subject, m.Body, m.Reply)
		}
	}
}

const (
	publish = "consumer#publish"
	request = "consumer#request"
)

// text is an option that is there.
func text(s string) *string { return &s }

func testMessaging2(g *functions.Guest, sent <-chan string) {
	message := func(subject string, body []byte, reply *string) map[string]any {
		return map[string]any{"subject": subject, "body": body, "reply-to": reply}
	}
	g.Call("ok", publish, message("to.a", []byte{0, 255}, nil))
	g.Want(<-sent, `to.a "\x00\xff" `)
	g.Call("ok", publish, message("to.b.c", nil, text("to.reply")))
	g.Want(<-sent, `to.b.c "" to.reply`)
	m := g.Call("ok", request, "to.ask", []byte("x"), uint32(30_000)).(map[string]any)
	g.Want(m["body"], `"re: x"`)
	g.Want(m["reply-to"], "none")

	g.Want(g.Call("error", request, "to.nobody", []byte{}, uint32(1)), "no answer came in time")
	large := bytes.Repeat([]byte("x"), messaging.MaxBody+1)
	for subject, want := range map[string]string{
		"": "the subject is invalid", "to.*": "the subject is invalid", "other": "access denied",
		"fails.unavailable": "the broker is unavailable", "fails.quota": "there are too many messages", "fails.denied": "access denied",
		"fails.so": "the backend failed", "to.large": "the message is too large",
	} {
		body := []byte{}
		if subject == "to.large" {
			body = large
		}
		for _, why := range []any{g.Call("error", publish, message(subject, body, nil)), g.Call("error", request, subject, body, uint32(30_000))} {
			if got := why.(string); !strings.HasPrefix(got, want) || strings.Contains(got, "planted") {
				g.T.Errorf("%s: %s, wanted %s", subject, got, want)
			}
		}
	}
	g.Want(g.Call("error", publish, message("to.a", nil, text("a b"))), "the subject is invalid")
}

func testMessaging3(g *functions.Guest, sent <-chan string) {
	large := strings.Repeat("x", messaging.MaxBody+1)
	message := func(subject, body string, reply *string) map[string]any {
		return map[string]any{"subject": subject, "body": g.Stream(body), "reply-to": reply}
	}
	g.Call("ok", publish, message("to.a", "\x00\xff", nil))
	g.Want(<-sent, `to.a "\x00\xff" `)
	g.Call("ok", publish, message("to.b.c", "", text("to.reply")))
	g.Want(<-sent, `to.b.c "" to.reply`)
	within := uint32(30_000)
	for _, time := range []*uint32{nil, &within} {
		m := g.Call("ok", request, "to.ask", g.Stream("x"), time).(map[string]any)
		g.Want(g.Plain("surface:values/streams#take-u8", m["body"], uint32(100)), `"re: x"`)
		g.Want(m["reply-to"], "none")
	}

	short := uint32(1)
	g.Call("timeout", request, "to.nobody", g.Stream(""), &short)
	for subject, want := range map[string]string{
		"": "subject-invalid", "to.*": "subject-invalid", "other": "access-denied", "fails.unavailable": "broker-unavailable", "fails.quota": "quota-exceeded",
		"fails.denied": "access-denied", "fails.so": "other", "to.large": "message-too-large",
	} {
		body := ""
		if subject == "to.large" {
			body = large
		}
		why := []any{g.Call(want, publish, message(subject, body, nil)), g.Call(want, request, subject, g.Stream(body), &within)}
		if want == "other" && fmt.Sprint(why) != "[the backend failed the backend failed]" {
			g.T.Error(why)
		}
	}
	g.Call("subject-invalid", publish, message("to.a", "", text("a b")))
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) {
	table(nil).Reference(t, messaging.New(memory.New(0)).Serves())
}
