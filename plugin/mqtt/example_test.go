package mqtt_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
)

// A grant's name is what a component gives: the address of a broker, or a name.
func ExampleCheckName() {
	fmt.Println(mqtt.CheckName("mqtt://broker:1883"))
	fmt.Println(mqtt.CheckName("sensors"))
	fmt.Println(mqtt.CheckName("http://broker"))
	// Output:
	// <nil>
	// <nil>
	// want mqtt://HOST:PORT, or mqtts://HOST:PORT with TLS
}
