package config_test

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is of the packages that the plugin serves.
func table() *functions.Table {
	return &functions.Table{
		Plugin: "plugin/config", Title: "The functions of configuration and their tests", On: "on a component's config and secrets",
		Served: []functions.Served{
			{Of: surface.Config, Reference: "wasi-config@0.2.0-rc.1", Test: testStore},
			{Of: surface.ConfigDraft, Reference: "wasi-config@0.2.0-draft-2024-09-27", Test: testStore},
			{Of: surface.SpinVariables2, Reference: "fermyon-spin@2.0.0", Only: []string{"variables"}, Test: testVariables},
			{Of: surface.SpinVariables3, Reference: "spin-variables@3.0.0", Test: testVariables},
		},
	}
}

// testStore calls the functions of wasi:config.
func testStore(g *functions.Guest) {
	for name, want := range map[string]string{"key": "value", "TOKEN": "s3cr3t", "granted": "a secret", "none": "none", "": "none"} {
		g.Want(g.Call("ok", "store#get", name), want)
	}
	g.Want(g.Call("ok", "store#get-all"), "[[TOKEN s3cr3t] [key value]]")
}

// testVariables calls that of Spin's variables.
func testVariables(g *functions.Guest) {
	for name, want := range map[string]string{"key": "value", "TOKEN": "s3cr3t", "granted": "a secret"} {
		g.Want(g.Call("ok", "variables#get", name), want)
	}
	for _, name := range []string{"none", "a_1"} {
		g.Want(g.Call("undefined", "variables#get", name), "no variable "+name)
	}
	for _, name := range []string{"", "Upper", "1a", "_a", "a_", "a__b", "a-b", "\u00e4"} {
		g.Want(g.Call("invalid-name", "variables#get", name), "a name has small letters, digits and single underscores, and begins with a letter")
	}
}

// TestFunctions calls every function of every interface through the boundary of a component, and compares what was seen with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	tb := table()
	t.Setenv("CONFIG_TEST_GRANTED", "a secret")
	tb.Run(t, "", functions.Engine(t), functions.Plugin(config.Plugin{}, workload.Component{
		Config: map[string]string{"key": "value", "TOKEN": "s3cr3t"}, Grants: workload.Grants{Secrets: map[string]workload.Secret{"granted": {Env: "CONFIG_TEST_GRANTED"}}},
	}))
	never := map[string]string{}
	for _, version := range []string{"0.2.0-rc.1", "0.2.0-draft-2024-09-27"} {
		for _, f := range []string{"get", "get-all"} {
			never["wasi:config/store@"+version+"#"+f] = "the values are in the process"
		}
	}
	tb.Compare(t, never)
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { table().Reference(t, config.Plugin{}.Serves()) }
