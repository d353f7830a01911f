package redis_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/redis"
)

// Commands that would change the connection, wait or administer the server are refused; others are the server's to allow.
func ExampleCheckCommand() {
	fmt.Println(redis.CheckCommand("ZADD", "scores", int64(3), "ada"))
	fmt.Println(redis.CheckCommand("select", int64(3)))
	fmt.Println(redis.CheckCommand("BLPOP", "queue", int64(0)))
	// Output:
	// <nil>
	// the command SELECT is refused: it changes the connection, which is shared
	// the command BLPOP is refused: it waits in the server, and keeps a connection; ask again instead
}
