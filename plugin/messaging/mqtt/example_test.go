package mqtt_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
)

// A URL with a user in it is refused: a grant says where the password is.
func ExampleType() {
	fmt.Println(mqtt.Type().Check(mqtt.Config{URL: "mqtt://127.0.0.1:1883"}))
	fmt.Println(mqtt.Type().Check(mqtt.Config{URL: "mqtt://me:secret@127.0.0.1:1883"}))
	// Output:
	//
	// url the URL has a user; leave that out, and say it apart: username, and password: {env: NAME} or {file: PATH}
}
