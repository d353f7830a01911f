package redis_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/redis"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A config says where the password is, and never has it.
func ExampleType() {
	for _, c := range []redis.Config{
		{URL: "rediss://cache.example:6380/1", Username: "shop", Password: workload.Secret{Env: "REDIS_PASSWORD"}},
		{URL: "redis://shop:password@cache.example"},
	} {
		fmt.Println(redis.Type().Check(c))
	}
	// Output:
	// url the URL has a password; leave it out, and say where it is: password: {env: NAME} or {file: PATH}
}
