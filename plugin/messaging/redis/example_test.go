package redis_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/messaging/redis"
)

// A URL with a password in it is refused: a grant says where the password is.
func ExampleType() {
	fmt.Println(redis.Type().Check(redis.Config{URL: "redis://127.0.0.1:6379"}))
	fmt.Println(redis.Type().Check(redis.Config{URL: "redis://me:secret@127.0.0.1:6379"}))
	// Output:
	//
	// url the URL has a password; leave it out, and say where it is: password: {env: NAME} or {file: PATH}
}
