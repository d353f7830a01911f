package app

import (
	"path/filepath"
	"strings"
	"testing"
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
			`keyvalue."c".backend: want a text`, `keyvalue."d".bakend: unknown key; want backend, data or scope; did you mean "backend"?`,
			`keyvalue."e".data: "kept": want drop or keep`, `keyvalue."": a bucket has a name; want default`}},
		{"no such plugin", "        keyvalue: {default: {backend: memory}}", &Format{}, []string{
			`9:29: spec.components[0].grants.keyvalue."default": this program has no backend for keyvalue`}},
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
