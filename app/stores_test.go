package app

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestStoreGrants: a grant of an unknown backend is a mistake with its place, and names the known backends.
func TestStoreGrants(t *testing.T) {
	const head = "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n    - name: cart\n      source: {file: cart.wasm}\n      grants:\n"
	for _, c := range []struct {
		name, grants string
		format       *Format
		want         []string
	}{
		{"known", "        keyvalue: {default: {backend: memory}, a: {}, b: {backend: disk, data: keep}, c: {data: drop}}", testFormat, nil},
		{"none", "        keyvalue: {}\n        blobstore:", testFormat, nil},
		{"unknown", "        keyvalue:\n          default: {backend: memroy}", testFormat, []string{
			`10:30: spec.components[0].grants.keyvalue."default".backend: there is no backend named "memroy"; want disk or memory; did you mean "memory"?`}},
		{"of another plugin", "        blobstore: {a: {backend: disk}}", testFormat, []string{
			`9:34: spec.components[0].grants.blobstore."a".backend: there is no backend named "disk"; want memory`}},
		{"several", "        keyvalue: {a: {backend: x}, b: {backend: y}, c: {backend: 7}, d: {bakend: disk}, e: {data: kept}, \"\": {}}", testFormat, []string{
			`keyvalue."a".backend: there is no backend named "x"`, `keyvalue."b".backend: there is no backend named "y"`,
			`keyvalue."c".backend: want a text`, `keyvalue."d".bakend: unknown key; want backend, data, scope, sqlite, redis or nats; did you mean "backend"?`,
			`keyvalue."e".data: "kept": want drop or keep`, `keyvalue."": a bucket needs a name; the name default is for those without a grant of their own`}},
		{"no such plugin", "        keyvalue: {default: {backend: memory}}", &Format{}, []string{
			`9:29: spec.components[0].grants.keyvalue."default": this program has no backend for keyvalue`}},
		{"configured", "        keyvalue: {default: {sqlite: data.db}, a: {sqlite: {file: b.db, size: 2Gi}, data: drop, scope: workload}, b: {sqlite: }}", testFormat, nil},
		{"configured and named", "        keyvalue: {a: {backend: memory, sqlite: data.db}}", testFormat, []string{
			`9:23: spec.components[0].grants.keyvalue."a": want one backend, had sqlite and backend`}},
		{"configured badly", "        keyvalue: {a: {sqlite: {fill: x}}, b: {sqlite: [x]}, c: {sqlite: {file: x, size: much}}, d: {sqlite: ''}}", testFormat, []string{
			`"a".sqlite.fill: unknown key; want file or size; did you mean "file"?`, `"a".sqlite.file: the key is missing`,
			`"b".sqlite: want a mapping, had a list`, `"c".sqlite.size: "much": want`, `"d".sqlite: the text is empty; want its file`}},
		{"of another plugin's type", "        blobstore: {a: {sqlite: x}}", testFormat, []string{
			`blobstore."a".sqlite: unknown key; want backend, data, scope, folder, s3 or nats`}},
		{"of a server", "        postgres: {default: {postgres: \"postgres://app@db/shop\"}, \"postgres://db:5433\": {postgres: {url: \"postgres://db:5433\", timeout: 5s}}}", testFormat, nil},
		{"of a server, badly", "        postgres: {a: {}, b: {postgres: \"postgres://a:hunter2@db\"}, c: {postgres: \"postgres://db\", data: keep}, d: {postgres: {url: \"postgres://db\", connections: 1001}}}", testFormat, []string{
			`postgres."a": want postgres`, `"b".postgres: the URL has a password; leave it out`, `"c".data: the key is for what is stored; here the server decides`, `"d".postgres.connections: `}},
		{"another form", "        keyvalue: [memory]", testFormat, []string{"9:19: spec.components[0].grants.keyvalue: want a mapping"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.format.Parse(filepath.Join(folder(t), "vitrine.yaml"), []byte(head+c.grants+"\n"))
			if len(c.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("there is no mistake")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %s in\n%v", want, err)
				}
			}
			if n := strings.Count(err.Error(), "\n") + 1; n != len(c.want) {
				t.Errorf("%d mistakes, wanted %d:\n%v", n, len(c.want), err)
			}
		})
	}
}

// TestConfiguredStores: a grant's config is of its type's own Go type, with paths from the manifest's folder; a manifest that is
// rewritten says the same.
func TestConfiguredStores(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "vitrine.yaml")
	text := []byte("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n    - name: cart\n      source: {file: cart.wasm}\n" +
		"      grants:\n        keyvalue:\n          default: {sqlite: data/kv.db} # short\n          long: {sqlite: {file: /var/kv.db, size: 2Gi}, data: drop, scope: workload}\n")
	w, err := testFormat.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]workload.StoreGrant{
		"default": {Type: "sqlite", Config: sqlite.Config{File: filepath.Join(dir, "data", "kv.db")}},
		"long":    {Type: "sqlite", Config: sqlite.Config{File: "/var/kv.db", Size: "2Gi"}, Data: "drop", Scope: "workload"},
	}
	if got := w.Components[0].Grants.Keyvalue; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	rewritten, err := testFormat.Rewrite(file, func(w *workload.Spec) error {
		w.Components[0].Environment = map[string]string{"LOG": "debug"}
		return nil
	})
	if err != nil || !strings.Contains(string(rewritten), "default: {sqlite: data/kv.db} # short\n          long: {sqlite: {file: /var/kv.db, size: 2Gi}, data: drop, scope: workload}") {
		t.Errorf("%v\n%s", err, rewritten)
	}
	written, err := Write(FromSpec(w))
	if err != nil {
		t.Fatal(err)
	}
	again, err := testFormat.Parse(file, written)
	if err != nil || !reflect.DeepEqual(again, w) {
		t.Errorf("%v\n%s", err, written)
	}
}
