package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTuplesHaveNotDrifted(t *testing.T) {
	want, err := tuples()
	if err != nil {
		t.Fatal(err)
	}
	had, err := os.ReadFile("../../tuple.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(had, want) {
		t.Error("cm/tuple.gen.go is not what tuplegen writes: run go generate ./cm")
	}
}
