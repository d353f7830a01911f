package pgx_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A config says where the password is, and never has it.
func ExampleType() {
	for _, c := range []pgx.Config{
		{URL: "postgres://app@db.example:5432/shop?sslmode=verify-full", Password: workload.Secret{Env: "PGPASSWORD"}},
		{URL: "postgres://app:password@db.example/shop"},
	} {
		fmt.Println(pgx.Type().Check(c))
	}
	// Output:
	// url the URL has a password; leave it out, and say where it is: password: {env: NAME} or {file: PATH}
}
