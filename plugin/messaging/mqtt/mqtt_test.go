package mqtt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/messagingtest"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func open(t *testing.T, c Config) *Backend {
	t.Helper()
	b, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestContract(t *testing.T) {
	s := servers.StartMQTT(t)
	messagingtest.Run(t, open(t, Config{URL: s.URL()}), messagingtest.Options{Fields: true, Requests: true, Durable: true})
}

// next is the next message of a subscription.
func next(t *testing.T, src messaging.Source) messaging.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := src.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// eventually calls f until it has no error, as calls fail for a while when a server is there again.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for range 3000 {
		if err = f(); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(err)
}

// TestDown: while the server is down, each call fails within seconds and says so, and subscriptions end; when it is there again, calls go on by themselves,
// and messages of a durable subscription that were accepted before the server was killed come.
func TestDown(t *testing.T) {
	s := servers.StartMQTT(t)
	b := open(t, Config{URL: s.URL()})
	bus := b.Bus(messaging.Owner{Workload: "w"})
	plain, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	kept := messaging.Subscription{Subject: "d", Durable: "d"}
	durable, err := bus.Subscribe(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Publish(t.Context(), &messaging.Message{Subject: "d", Body: []byte("handled, not acknowledged")}); err != nil {
		t.Fatal(err)
	}
	d := next(t, durable)
	s.Saved()
	s.Kill()
	for _, src := range []messaging.Source{plain, durable} {
		if _, err := src.Next(t.Context()); !errors.Is(err, messaging.ErrUnavailable) {
			t.Errorf("the subscription ends with %v", err)
		}
	}
	if err := d.Done(t.Context()); !errors.Is(err, messaging.ErrUnavailable) {
		t.Errorf("done: %v", err)
	}
	_ = durable.Close()
	for name, f := range map[string]func(context.Context) error{
		"publish": func(ctx context.Context) error { return bus.Publish(ctx, &messaging.Message{Subject: "a"}) },
		"request": func(ctx context.Context) error {
			_, err := bus.Request(ctx, &messaging.Message{Subject: "a"})
			return err
		},
		"subscribe": func(ctx context.Context) error {
			_, err := bus.Subscribe(ctx, messaging.Subscription{Subject: "a"})
			return err
		},
	} {
		if err := f(t.Context()); !errors.Is(err, messaging.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Start()
	eventually(t, func() error { return bus.Publish(t.Context(), &messaging.Message{Subject: "d", Body: []byte("later")}) })
	if durable, err = bus.Subscribe(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	defer durable.Close()
	d = next(t, durable)
	if string(d.Message().Body) != "handled, not acknowledged" || d.Attempt() != 2 {
		t.Errorf("%s comes, attempt %d", d.Message().Body, d.Attempt())
	}
	if d := next(t, durable); string(d.Message().Body) != "later" {
		t.Errorf("%s comes", d.Message().Body)
	}
}

// TestOrder: a message that is to be tried again keeps none behind it from being handled; what was done behind it is acknowledged when it is done.
func TestOrder(t *testing.T) {
	s := servers.StartMQTT(t)
	bus := open(t, Config{URL: s.URL()}).Bus(messaging.Owner{Workload: "w"})
	kept := messaging.Subscription{Subject: "d", Durable: "d"}
	subscribe := func() messaging.Source {
		src, err := bus.Subscribe(t.Context(), kept)
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	src := subscribe()
	for _, body := range []string{"first", "second", "third"} {
		if err := bus.Publish(t.Context(), &messaging.Message{Subject: "d", Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	first := next(t, src)
	if err := first.Retry(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
	for done := 0; done < 2; { // the two others, and perhaps the first one again
		d := next(t, src)
		if string(d.Message().Body) == "first" {
			_ = d.Retry(t.Context(), time.Millisecond)
			continue
		}
		if err := d.Done(t.Context()); err != nil {
			t.Error(err)
		}
		done++
	}
	_ = src.Close() // the first one is not acknowledged: the server keeps all three
	src = subscribe()
	for _, want := range []string{"first", "second", "third"} {
		d := next(t, src)
		if string(d.Message().Body) != want {
			t.Errorf("%s comes, want %s", d.Message().Body, want)
		}
		if err := d.Done(t.Context()); err != nil {
			t.Error(err)
		}
	}
	_ = src.Close()
	src = subscribe()
	defer src.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if d, err := src.Next(ctx); err == nil {
		t.Errorf("%s comes again", d.Message().Body)
	}
}

// TestTopics: a topic that is no subject is not given to a subscription of subjects, and is given to one of topics; subjects cannot have characters with a
// meaning in topics.
func TestTopics(t *testing.T) {
	s := servers.StartMQTT(t)
	b := open(t, Config{URL: s.URL()})
	bus := b.Bus(messaging.Owner{Workload: "w"})
	subjects, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: "a.>", Durable: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer subjects.Close()
	topics, err := b.Listen(t.Context(), Filter{Topic: "a/#", QoS: 2, Pending: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer topics.Close()
	all := []string{"a/b.c", "a//b", "a", "a/b c", "a/>", "a/b/c"}
	for _, topic := range all {
		if err := b.Send(t.Context(), topic, &messaging.Message{Body: []byte(topic), Header: map[string]string{"x": "1"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range all {
		if m := next(t, topics).Message(); m.Subject != topic || string(m.Body) != topic || m.Header["x"] != "1" {
			t.Errorf("%+v, want %s", m, topic)
		}
	}
	if m := next(t, subjects).Message(); m.Subject != "a.b.c" {
		t.Errorf("%+v", m)
	}
	for _, subject := range []string{"a/b", "a+", "a.#", "$SYS.x", "$share.g.a"} {
		if err := bus.Publish(t.Context(), &messaging.Message{Subject: subject}); !errors.Is(err, messaging.ErrSubject) {
			t.Errorf("%s: %v", subject, err)
		}
		if _, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: subject}); !errors.Is(err, messaging.ErrSubject) {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if _, err := bus.Subscribe(t.Context(), messaging.Subscription{Subject: "a", Group: "g/#"}); err == nil {
		t.Error("a group with a wildcard")
	}
}

// TestCredentials: who has no right to the server gets an error, without the password in it.
func TestCredentials(t *testing.T) {
	s := servers.StartMQTT(t, "me", "planted-secret")
	for password, want := range map[string]bool{"planted-secret": true, "planted-other": false} {
		t.Setenv("MQTT_PASSWORD", password)
		b := open(t, Config{URL: s.URL(), Username: "me", Password: workload.Secret{Env: "MQTT_PASSWORD"}})
		err := b.Bus(messaging.Owner{}).Publish(t.Context(), &messaging.Message{Subject: "a"})
		if (err == nil) != want || err != nil && (strings.Contains(fmt.Sprint(err), "planted") || !errors.Is(err, messaging.ErrUnavailable)) {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(Config{URL: s.URL(), Password: workload.Secret{Env: "NOT_SET_ANYWHERE"}}); err == nil || !strings.Contains(err.Error(), "NOT_SET_ANYWHERE is not set") {
		t.Errorf("%v", err)
	}
}

func TestCheck(t *testing.T) {
	for url, want := range map[string]string{
		"mqtt://127.0.0.1:1883": "", "mqtts://a": "", "mqtt://[::1]:1883": "", "mqtt://a?client_id=x": "",
		"127.0.0.1:1883": "url", "redis://a": "url", "mqtt://me:planted@a": "url", "mqtt://planted@a": "url", "mqtt://a/b": "url", "mqtt://a?x=planted": "url", "mqtt://a:0": "url",
		"mqtt://a:99999": "url", "mqtt://": "url", "mqtt://a#planted": "url",
	} {
		key, problem := check(Config{URL: url})
		if key != want || strings.Contains(problem, "planted") {
			t.Errorf("%s: %s %s", url, key, problem)
		}
	}
}
