package cli

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

// TestShippedWIT: the program has the text of what the packages of the SDK for Go import.
func TestShippedWIT(t *testing.T) {
	set, err := wit.LoadBeside(shippedWIT)
	if err != nil {
		t.Fatal(err)
	}
	for _, world := range []string{
		"wasi:keyvalue/imports@0.2.0-draft", "wasi:keyvalue/imports@0.2.0-draft2", "wasi:config/imports@0.2.0-rc.1", "wasi:logging/imports@0.1.0-draft", "wasi:otel/imports@0.2.0-rc.2",
		"wasi:http/proxy@0.2.12", "wasi:http/service@0.3.0",
	} {
		id, err := wit.ParseID(world)
		if err != nil || set.World(id) == nil {
			t.Errorf("%s: no such world (%v)", world, err)
		}
	}
}
