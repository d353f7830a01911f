package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// queue is the config of a custom type of trigger, with every kind of field.
type queue struct {
	Topic   string            `yaml:"topic" required:"true" doc:"The topic."`
	Ack     string            `yaml:"ack" enum:"early|late"`
	Batch   int               `yaml:"batch" min:"1" max:"100"`
	Wait    time.Duration     `yaml:"wait"`
	Durable bool              `yaml:"durable"`
	Servers []string          `yaml:"servers"`
	Login   map[string]string `yaml:"login" secret:"true"`
	Retry   struct {
		Times int `yaml:"times" required:"true" min:"1"`
	} `yaml:"retry"`
	Replay string `yaml:"replay" reserved:"*"`
}

// customFormat is a format with custom types of triggers.
var customFormat = &Format{Triggers: []workload.TriggerType{
	{Name: "tick", Doc: "Now and then."},
	http.Type(),
	{Name: "queue", Doc: "A message.", Config: queue{}, ComponentDoc: "Who gets it.", Check: func(ts []workload.TriggerSpec) (found []workload.TriggerMistake) {
		for i, t := range ts {
			for j, s := range t.Config.(queue).Servers {
				if !strings.Contains(s, ":") {
					found = append(found, workload.TriggerMistake{Trigger: i, Key: fmt.Sprintf("servers[%d]", j), Problem: s + " has no port"})
				}
			}
			if t.Config.(queue).Topic == "none" {
				found = append(found, workload.TriggerMistake{Trigger: i, Problem: "there is no such topic"})
			}
		}
		return found
	}},
}}

const customHead = `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components: [{name: a, source: {file: cart.wasm}}]
  triggers:
`

// TestCustomTriggers: custom types of triggers are read, written and described in the schema.
func TestCustomTriggers(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "vitrine.yaml")
	text := customHead + `  - tick: {component: a}
  - queue: {topic: orders, ack: late, batch: 7, wait: 1m30s, durable: true, servers: ["a:1", "b:2"], login: {user: bob}, retry: {times: 3}, component: a}
  - http: {path: /, component: a}
`
	w, err := customFormat.Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	q := queue{Topic: "orders", Ack: "late", Batch: 7, Wait: 90 * time.Second, Durable: true, Servers: []string{"a:1", "b:2"}, Login: map[string]string{"user": "bob"}}
	q.Retry.Times = 3
	want := []workload.TriggerSpec{
		{Type: "tick", Component: "a"},
		{Type: "queue", Component: "a", Config: q},
		{Type: "http", Component: "a", Config: http.Route{Path: "/"}},
	}
	if !reflect.DeepEqual(w.Triggers, want) {
		t.Fatalf("got %+v\nwant %+v", w.Triggers, want)
	}
	written, err := Write(FromSpec(w))
	if err != nil {
		t.Fatal(err)
	}
	again, err := customFormat.Parse(file, written)
	if err != nil || !reflect.DeepEqual(again, w) {
		t.Errorf("written it is %+v, %v:\n%s", again, err, written)
	}
	schema, err := customFormat.Schema()
	if err != nil || !json.Valid(schema) {
		t.Fatalf("schema: %v", err)
	}
	for _, has := range []string{`"queue"`, `"tick"`, `"A message."`, `"Who gets it."`, `"durable"`, `"boolean"`, `"early"`} {
		if !bytes.Contains(schema, []byte(has)) {
			t.Errorf("the schema has no %s", has)
		}
	}
	if bytes.Contains(schema, []byte("replay")) {
		t.Error("the schema offers a key that is not supported yet")
	}
	if b := customFormat.Bare("cart.wasm"); len(b.Spec.Triggers) != 1 || b.Spec.Triggers[0].Type != "http" {
		t.Errorf("a component alone has the triggers %+v", b.Spec.Triggers)
	}
	if b := (&Format{}).Bare("cart.wasm"); len(b.Spec.Triggers) != 0 {
		t.Errorf("without types, a component alone has the triggers %+v", b.Spec.Triggers)
	}
}

// TestCustomTriggerMistakes: mistakes in custom triggers have places and nearest names, and hold no secrets.
func TestCustomTriggerMistakes(t *testing.T) {
	file := filepath.Join(folder(t), "vitrine.yaml")
	for name, c := range map[string]struct{ text, want string }{
		"a type":           {"  - quee: {}\n", `7:5: spec.triggers[0].quee: unknown key; want tick, http or queue; did you mean "queue"?`},
		"none":             {"  - {}\n", `7:5: spec.triggers[0]: want tick, http or queue, had none`},
		"no mapping":       {"  - queue\n", `7:5: spec.triggers[0]: want a mapping, had "queue"`},
		"two":              {"  - {tick: {component: a}, http: {path: /, component: a}}\n", `7:5: spec.triggers[0]: want tick, http or queue, had tick and http; write a trigger for each`},
		"empty":            {"  - queue: {}\n", "7:12: spec.triggers[0].queue.topic: the key is missing\n7:12: spec.triggers[0].queue.component: the key is missing"},
		"a key":            {"  - queue: {topik: x, topic: x, component: a}\n", `7:13: spec.triggers[0].queue.topik: unknown key; want topic, ack, batch, wait, durable, servers, login, retry or component; did you mean "topic"?`},
		"key of no config": {"  - tick: {every: 3, component: a}\n", `7:12: spec.triggers[0].tick.every: unknown key; want component`},
		"values": {"  - queue: {topic: 1, ack: lat, batch: 101, wait: soon, durable: maybe, servers: [a], login: {pw: 83461297}, retry: {}, component: b}\n",
			`7:20: spec.triggers[0].queue.topic: want a text, had the number 1; put it in quotes
7:28: spec.triggers[0].queue.ack: "lat": want early or late; did you mean "late"?
7:40: spec.triggers[0].queue.batch: 101: want at most 100
7:51: spec.triggers[0].queue.wait: "soon": want a duration such as 30s, 250ms or 1m30s
7:66: spec.triggers[0].queue.durable: want true or false, had "maybe"
7:83: spec.triggers[0].queue.servers[0]: a has no port
7:99: spec.triggers[0].queue.login."pw": want a text, had a number; put it in quotes
7:117: spec.triggers[0].queue.retry.times: the key is missing
7:132: spec.triggers[0].queue.component: there is no component named "b"`},
		"as a whole": {"  - tick: {component: a}\n  - queue: {topic: x, component: a}\n  - queue: {topic: none, component: a}\n", `9:12: spec.triggers[2].queue: there is no such topic`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := customFormat.Parse(file, []byte(customHead+c.text))
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("got %v, want Errors", err)
			}
			if got := strings.ReplaceAll(es.Error(), file+":", ""); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	_, err := (&Format{}).Parse(file, []byte(customHead+"  - http: {path: /, component: a}\n"))
	if err == nil || !strings.Contains(err.Error(), "7:5: spec.triggers[0].http: unknown key; want none") {
		t.Errorf("without types of triggers: %v", err)
	}
}
