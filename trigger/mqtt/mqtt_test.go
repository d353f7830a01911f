package mqtt

import (
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TestCheck: what mistakes are, and the keys that have them.
func TestCheck(t *testing.T) {
	const at = "mqtt://127.0.0.1:1883"
	zero, three := 0, 3
	for _, c := range []struct {
		s    Subscription
		want string
	}{
		{Subscription{Address: at, Topic: "a/b"}, ""},
		{Subscription{Address: at, Topic: "#", QoS: &zero}, ""},
		{Subscription{Address: at, Topic: "+/x/#", Group: "g", Durable: "d-1_x", Attempts: 3, Retry: 5, DeadLetter: "dead"}, ""},
		{Subscription{Address: at, Topic: "$SYS/#", DeadLetter: "dead"}, ""},
		{Subscription{Address: at, Topic: "#", DeadLetter: "$dead"}, ""},
		{Subscription{Address: at}, "topic"},
		{Subscription{Address: at, Topic: "a/#/b"}, "topic"},
		{Subscription{Address: at, Topic: "a+"}, "topic"},
		{Subscription{Address: at, Topic: "a\x00"}, "topic"},
		{Subscription{Address: at, Topic: "\xff"}, "topic"},
		{Subscription{Address: at, Topic: "$share/g/a"}, "topic"},
		{Subscription{Address: at, Topic: strings.Repeat("x", 1025)}, "topic"},
		{Subscription{Address: "mqtt://me:planted@a", Topic: "a"}, "address"},
		{Subscription{Address: "redis://a", Topic: "a"}, "address"},
		{Subscription{Address: at, Topic: "a", QoS: &three}, "qos"},
		{Subscription{Address: at, Topic: "a", Group: "g/h"}, "group"},
		{Subscription{Address: at, Topic: "a", Durable: "x y"}, "durable"},
		{Subscription{Address: at, Topic: "a", QoS: &zero, Durable: "x"}, "durable"},
		{Subscription{Address: at, Topic: "a", QoS: &zero, Attempts: 3}, "attempts"},
		{Subscription{Address: at, Topic: "a", QoS: &zero, Retry: 1}, "retry"},
		{Subscription{Address: at, Topic: "a", Retry: -1}, "retry"},
		{Subscription{Address: at, Topic: "a", DeadLetter: "b/+"}, "deadLetter"},
		{Subscription{Address: at, Topic: "a/#", DeadLetter: "a"}, "deadLetter"},
		{Subscription{Address: at, Topic: "a/+", DeadLetter: "a/b"}, "deadLetter"},
	} {
		key, problem := c.s.check()
		if key != c.want || (problem == "") != (c.want == "") || strings.Contains(problem, "planted") {
			t.Errorf("%+v: %s %s", c.s, key, problem)
		}
		found := Type().Check([]workload.TriggerSpec{{Type: TypeName, Config: c.s}})
		if len(found) != min(1, len(c.want)) {
			t.Errorf("%+v: %v", c.s, found)
		}
	}
}
