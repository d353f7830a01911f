package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Secrets that are granted are values by their names, and not in the list; a value of the section comes first; a secret that is missing or
// open to others keeps the workload from starting, without a word of it.
func TestGrantedSecrets(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("CONFIG_TEST_TOKEN", "from the environment")
	c := &workload.Component{Config: map[string]string{"greeting": "hello", "both": "of the section"}, Grants: workload.Grants{Secrets: map[string]workload.Secret{
		"token": {Env: "CONFIG_TEST_TOKEN"}, "key": {File: file("key", "of a file\n", 0o600)}, "both": {Env: "CONFIG_TEST_TOKEN"}, "binary": {File: file("bin", "\xff\xfe", 0o600)}}}}
	all, err := withSecrets(c)
	if err != nil {
		t.Fatal(err)
	}
	s := named{store(c.Config), all}
	for key, want := range map[string]string{"greeting": "hello", "token": "from the environment", "key": "of a file", "both": "of the section", "binary": "", "none": ""} {
		v, err := s.Get(context.Background(), key)
		if err != nil || (v == nil) != (want == "") || v != nil && *v != want {
			t.Errorf("%s: %v, %v, want %q", key, v, err, want)
		}
	}
	pairs, err := s.GetAll(context.Background())
	if err != nil || len(pairs) != 2 || pairs[0].F0 != "both" || pairs[1].F0 != "greeting" {
		t.Errorf("the list is %v, %v", pairs, err)
	}
	for _, bad := range []workload.Secret{{Env: "CONFIG_TEST_NONE"}, {File: filepath.Join(dir, "none")}, {File: file("open", "planted", 0o644)}} {
		c.Grants.Secrets = map[string]workload.Secret{"x": bad}
		if _, err := withSecrets(c); err == nil || !strings.Contains(err.Error(), "grants.secrets.x: ") || strings.Contains(err.Error(), "planted") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
