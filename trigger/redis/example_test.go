package redis_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/trigger/redis"
	"github.com/vitrine-wasm/vitrine/workload"
)

// An address with a password in it is refused: a manifest says where the password is.
func ExampleType() {
	for _, address := range []string{"redis://127.0.0.1:6379", "redis://me:secret@127.0.0.1:6379"} {
		found := redis.Type().Check([]workload.TriggerSpec{{Type: redis.TypeName, Component: "work", Config: redis.Subscription{Address: address, Channel: "jobs"}}})
		for _, m := range found {
			fmt.Printf("%s: %s\n", m.Key, m.Problem)
		}
	}
	// Output:
	// address: the URL has a password; leave it out, and say where it is: password: {env: NAME} or {file: PATH}
}
