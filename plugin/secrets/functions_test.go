package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/secrets"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

const reference = "wasmcloud-secrets@2.1.0"

// places are where the granted secrets are: text in the environment, text and bytes in files.
func places(t *testing.T) map[string]workload.Secret {
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
func bind(t *testing.T, l *component.Linker, grants map[string]workload.Secret) error {
	t.Helper()
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{Secrets: grants}}}}
	release, err := (secrets.Plugin{}).Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0]})
	if release != nil {
		t.Error("there is nothing to release")
	}
	return err
}

func newEngine(t *testing.T) *component.Engine {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	return engine
}

// instantiate makes an instance of a component of this module's testdata.
func instantiate(t *testing.T, engine *component.Engine, file string, l *component.Linker) *component.Instance {
	t.Helper()
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "guest", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(inst.Close(context.Background()), linked.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return inst
}

// TestFunctions calls every function through the boundary of a component.
func TestFunctions(t *testing.T) {
	engine := newEngine(t)
	of := surface.WasmcloudSecrets
	file := filepath.Join("..", "..", strings.TrimSuffix(filepath.FromSlash(of.File), "t")+"sm")
	called := map[string]bool{}
	call := func(t *testing.T, inst *component.Instance, iface, function string, args ...any) (any, error) {
		t.Helper()
		called[iface+"#"+function] = true
		return inst.Call(t.Context(), "surface:secrets/"+iface+"#"+function, args...)
	}
	for name, want := range map[string]string{
		"api-key": "string planted key", "cert": "string -----BEGIN\nx", "raw": "bytes [255 0 10]", "odd:name/x@1": "string planted key",
		"none": "not-found", "": "not-found", "API-KEY": "not-found", "api-key\x00": "not-found",
	} {
		t.Run("store.get "+name, func(t *testing.T) {
			l := engine.NewLinker(nil)
			if err := bind(t, l, places(t)); err != nil {
				t.Fatal(err)
			}
			inst := instantiate(t, engine, file, l)
			secret, err := call(t, inst, "store", "get", name)
			var fail *cm.ResultError[any]
			if errors.As(err, &fail) {
				if got := fail.Value.(cm.Variant).Case; got != want {
					t.Errorf("error %s, wanted %s", got, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v, err := call(t, inst, "reveal", "reveal", secret)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(v.(cm.Variant).Case, " ", v.(cm.Variant).Value); got != want {
				t.Errorf("%q, wanted %q", got, want)
			}
		})
	}
	t.Run("secret.get without a label", func(t *testing.T) {
		l := engine.NewLinker(nil)
		if err := bind(t, l, places(t)); err != nil {
			t.Fatal(err)
		}
		if v, err := call(t, instantiate(t, engine, file, l), "secret", "get"); err == nil || !strings.Contains(err.Error(), "names no secret: import it under the name of one in grants.secrets") {
			t.Errorf("%v, %v", v, err)
		}
	})
	set, err := of.Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range set.Packages[0].Interfaces {
		for _, f := range i.AllFuncs() {
			if !called[i.ID.Interface+"#"+f.Name] {
				t.Errorf("%s#%s is not called", i.ID, f.Name)
			}
		}
	}
}

// TestLabels: a component that imports secrets under labels gets those of its grants, and is not linked without them.
func TestLabels(t *testing.T) {
	engine := newEngine(t)
	file := filepath.Join("testdata", "labels.wasm")
	granted := places(t)
	l := engine.NewLinker(nil)
	if err := bind(t, l, granted); err != nil {
		t.Fatal(err)
	}
	inst := instantiate(t, engine, file, l)
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
	engine := newEngine(t)
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
func TestReference(t *testing.T) {
	theirs, err := wit.Load(filepath.Join(testref.WIT(t), reference))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := surface.WasmcloudSecrets.Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	theirs.Packages[0].StripDocs()
	ours.Packages[0].StripDocs()
	var serves []string
	for _, id := range (secrets.Plugin{}).Serves() {
		serves = append(serves, id.String())
	}
	for _, i := range ours.Packages[0].Interfaces {
		at := slices.IndexFunc(theirs.Packages[0].Interfaces, func(r *wit.Interface) bool { return r.ID == i.ID })
		if at < 0 {
			t.Errorf("%s is not in the reference", i.ID)
		} else if want := theirs.Packages[0].Interfaces[at].Print(); i.Print() != want {
			t.Errorf("here\n%s\nreference\n%s", i.Print(), want)
		}
	}
	for _, i := range theirs.Packages[0].Interfaces {
		if !slices.Contains(serves, i.ID.String()) {
			t.Errorf("%s of the reference is not served", i.ID)
		}
	}
	if len(serves) != len(ours.Packages[0].Interfaces) {
		t.Errorf("serves %v", serves)
	}
}
