package postgres_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/postgres"
)

// Components have addresses of databases in two forms. What is told of one is its place, without the login.
func ExampleParseAddress() {
	for _, text := range []string{"postgres://app:secret@db.example/shop", "host=db.example port=5433 user=app password='a b'", "mysql://db.example"} {
		a, err := postgres.ParseAddress(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s %q %q\n", a.Place(), a.User, a.Database)
	}
	// Output:
	// postgres://db.example:5432 "app" "shop"
	// postgres://db.example:5433 "app" ""
	// want postgres://HOST:PORT/DATABASE
}
