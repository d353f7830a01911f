package nats_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/nats"
)

// A URL with a password in it is refused: a grant says where the password is.
func ExampleType() {
	fmt.Println(nats.Type().Check(nats.Config{URL: "nats://127.0.0.1:4222"}))
	fmt.Println(nats.Type().Check(nats.Config{URL: "nats://me:secret@127.0.0.1:4222"}))
	// Output:
	//
	// url the URL has a user or a token; leave that out, and say where it is: username and password: {env: NAME}, or token: {env: NAME}
}
