package app

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

const secretsManifest = "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n    - name: cart\n      source: {file: cart.wasm}\n" +
	"      grants:\n        secrets: %s\n"

// TestSecrets: a manifest says where secrets are, with paths from its folder, and says the same when it is rewritten or printed.
func TestSecrets(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "vitrine.yaml")
	text := fmt.Appendf(nil, secretsManifest, "{api-key: {env: API_KEY}, cert: {file: keys/cert.pem}, other: {file: /run/secrets/other}} # places")
	w, err := testFormat.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]workload.Secret{"api-key": {Env: "API_KEY"}, "cert": {File: filepath.Join(dir, "keys", "cert.pem")}, "other": {File: "/run/secrets/other"}}
	if got := w.Components[0].Grants.Secrets; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	rewritten, err := testFormat.Rewrite(file, func(w *workload.Spec) error {
		w.Components[0].Environment = map[string]string{"LOG": "debug"}
		return nil
	})
	if err != nil || !strings.Contains(string(rewritten), "secrets: {api-key: {env: API_KEY}, cert: {file: keys/cert.pem}, other: {file: /run/secrets/other}} # places") {
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

// TestInvalidSecrets: each mistake has its place, and no error has a text that may be the secret.
func TestInvalidSecrets(t *testing.T) {
	const planted = "planted-s3cr3t"
	dir := folder(t)
	const key = "spec.components[0].grants.secrets."
	for text, want := range map[string]string{
		"{k: {env: A, file: b}}":          key + `"k": want env or file, had both`,
		"{k: {}}":                         key + `"k": want the place of the secret, env or file`,
		"{k: {env: null}}":                key + `"k": want the place of the secret, env or file`,
		"{k: null}":                       key + `"k": want a mapping, had nothing`,
		"{k: planted-s3cr3t}":             key + `"k": want a mapping, had a text`,
		"{k: {env: planted-s3cr3t}}":      key + `"k".env: want the name of an environment variable that has the secret, not the secret`,
		"{k: {env: 'planted-s3cr3t='}}":   key + `"k".env: want the name of an environment variable`,
		"{k: {env: 1}}":                   key + `"k".env: want the name of an environment variable, had a number`,
		"{k: {file: [planted-s3cr3t]}}":   key + `"k".file: want a text, had a list`,
		"{k: {value: planted-s3cr3t}}":    key + `"k".value: unknown key; want env or file`,
		"{k: {file: ''}}":                 key + `"k": want the place of the secret, env or file`,
		"{'': {env: A}}":                  key + `"": a secret needs a name`,
		"[planted-s3cr3t]":                "grants.secrets: want a mapping, had a list",
		"planted-s3cr3t":                  "grants.secrets: want a mapping, had a text",
		"{k: {env: A}, k: {env: B}}":      key + "k: a duplicate key",
		"{k: {env: ''}}":                  key + `"k".env: want the name of an environment variable`,
		"{k: {env: [planted-s3cr3t, b]}}": key + `"k".env: want the name of an environment variable, had a list`,
	} {
		_, err := testFormat.Parse(filepath.Join(dir, "vitrine.yaml"), fmt.Appendf(nil, secretsManifest, text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v\nwanted %s", text, err, want)
		}
	}
}
