package sockets_test

import (
	"fmt"
	"log"

	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// A policy is what a guest may reach; what it says nothing of is refused.
func Example() {
	policy, err := sockets.NewPolicy(sockets.Grants{Connect: []string{"db.example.com:5432"}})
	if err != nil {
		log.Fatal(err)
	}
	network := sockets.NewNetwork(policy)
	_, err = network.Resolve("example.org")
	fmt.Println(err)
	_, err = sockets.NewPolicy(sockets.Grants{Connect: []string{"db.example.com"}})
	fmt.Println(err)
	// Output:
	// access-denied
	// socket grants: "db.example.com": want host:port, host:* or *
}
