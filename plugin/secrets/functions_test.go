package secrets_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/secrets"
	"github.com/vitrine-wasm/vitrine/plugin/secrets/bindings"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// places are where the granted secrets are: text in the environment, text and bytes in files.
func places(t testing.TB) map[string]workload.Secret {
	t.Helper()
	t.Setenv("VITRINE_TEST_API_KEY", "planted key")
	file := func(name, data string) workload.Secret {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return workload.Secret{File: path}
	}
	return map[string]workload.Secret{
		"api-key": {Env: "VITRINE_TEST_API_KEY"}, "cert": file("cert.pem", "-----BEGIN\nx\n"), "raw": file("raw", "\xff\x00\n"), "odd:name/x@1": {Env: "VITRINE_TEST_API_KEY"},
	}
}

// bind binds the plugin to a component with grants.
func bind(t testing.TB, l *component.Linker, grants map[string]workload.Secret) error {
	t.Helper()
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{Secrets: grants}}}}
	release, err := (secrets.Plugin{}).Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0]})
	if release != nil {
		t.Error("there is nothing to release")
	}
	return err
}

// table is of the package that the plugin serves.
func table(test func(*functions.Guest)) *functions.Table {
	return &functions.Table{
		Plugin: "plugin/secrets", Title: "The functions of secrets and their tests", On: "on environment variables and files",
		Served: []functions.Served{{Of: surface.WasmcloudSecrets, Reference: "wasmcloud-secrets@2.1.0", Test: test}},
	}
}

// TestFunctions calls every function through the boundary of a component, and compares what was seen with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	engine := functions.Engine(t)
	tb := table(testFunctions)
	tb.Run(t, "", engine, func(t testing.TB, l *component.Linker) {
		if err := bind(t, l, places(t)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("labels", func(t *testing.T) {
		testLabels(t, engine)
		tb.Add(bindings.SecretID, "get", "ok") // under a label
	})
	tb.Compare(t, map[string]string{"wasmcloud:secrets/reveal@2.1.0#reveal": "the values are in the process"})
}

func testFunctions(g *functions.Guest) {
	for name, want := range map[string]string{
		"api-key": "string(planted key)", "cert": "string(-----BEGIN\nx)", "raw": `bytes("\xff\x00\n")`, "odd:name/x@1": "string(planted key)",
	} {
		secret := g.Call("ok", "store#get", name)
		g.Want(g.Call("ok", "reveal#reveal", secret), want)
		g.Want(g.Call("ok", "reveal#reveal", secret), want)
		g.Call("ok", "store#drop of secret", secret)
	}
	for _, name := range []string{"none", "", "API-KEY", "api-key\x00"} {
		g.Call("not-found", "store#get", name)
	}
	why := g.Call("trap", "secret#get").(string)
	if !strings.Contains(why, "names no secret: import it under the name of one in grants.secrets") {
		g.T.Error(why)
	}
}

// testLabels: a component that imports secrets under labels gets those of its grants, and is not linked without them.
func testLabels(t *testing.T, engine *component.Engine) {
	file := filepath.Join("testdata", "labels.wasm")
	granted := places(t)
	l := engine.NewLinker(nil)
	if err := bind(t, l, granted); err != nil {
		t.Fatal(err)
	}
	inst := functions.Instance(t, engine, l, file)
	for export, want := range map[string]string{"key": "planted key", "cert": "-----BEGIN\nx"} {
		if v, err := inst.Call(t.Context(), export); fmt.Sprint(v) != "{string "+want+"}" || err != nil {
			t.Errorf("%s: %v, %v", export, v, err)
		}
	}
	delete(granted, "api-key")
	l = engine.NewLinker(nil)
	if err := bind(t, l, granted); err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "guest", wasm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Link(t.Context(), c); err == nil || !strings.Contains(err.Error(), "import api-key: ") || strings.Contains(err.Error(), "import cert") {
		t.Errorf("linked without a grant: %v", err)
	}
}

// TestMissing: a workload whose secret cannot be read does not start, and the error says where it should be.
func TestMissing(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("planted"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	engine := functions.Engine(t)
	for want, of := range map[string]workload.Secret{
		"grants.secrets.s: the environment variable VITRINE_TEST_NONE is not set": {Env: "VITRINE_TEST_NONE"},
		"grants.secrets.s: the file nowhere does not exist":                       {File: "nowhere"},
		"grants.secrets.s: want the place of the secret":                          {},
		"grants.secrets.s: a secret has two places":                               {Env: "HOME", File: open},
	} {
		if err := bind(t, engine.NewLinker(nil), map[string]workload.Secret{"s": of}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, wanted %s", err, want)
		}
	}
	if info, err := os.Stat(open); err == nil && info.Mode().Perm() == 0o644 { // where files have modes
		err := bind(t, engine.NewLinker(nil), map[string]workload.Secret{"s": {File: open}})
		if err == nil || !strings.Contains(err.Error(), "grants.secrets.s: ") || !strings.Contains(err.Error(), "mode is 0644") || strings.Contains(err.Error(), "planted") {
			t.Errorf("a file that all may read: %v", err)
		}
	}
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { table(nil).Reference(t, secrets.Plugin{}.Serves()) }
