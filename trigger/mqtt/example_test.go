package mqtt_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/trigger/mqtt"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Mistakes are found before a workload starts.
func ExampleType() {
	for _, s := range []mqtt.Subscription{
		{Address: "mqtt://127.0.0.1:1883", Topic: "sensors/+/temperature", Durable: "probe"},
		{Address: "mqtt://127.0.0.1:1883", Topic: "sensors/#/temperature"},
		{Address: "mqtt://127.0.0.1:1883", Topic: "sensors/#", DeadLetter: "sensors/failed"},
	} {
		for _, m := range mqtt.Type().Check([]workload.TriggerSpec{{Type: mqtt.TypeName, Component: "work", Config: s}}) {
			fmt.Printf("%s: %s\n", m.Key, m.Problem)
		}
	}
	// Output:
	// topic: want + alone between slashes, and # alone at the end
	// deadLetter: it is among the topics that are listened to: a message that is given up would come again
}
