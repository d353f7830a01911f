package sqlite

import (
	"fmt"
	"testing"
)

// SetVersion makes a file one of another version of the tables.
func SetVersion(t *testing.T, file string, n int) {
	t.Helper()
	db, err := connect(file, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", n)); err != nil {
		t.Fatal(err)
	}
}
