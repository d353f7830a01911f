package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// TestHostileDocument: what a workload's document in a registry says of this machine's files and commands is refused by every command that reads
// it, and a key in it is not written into a manifest of files, which have no signatures.
func TestHostileDocument(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("VITRINE_CACHE_DIR", "off")
	r := newScriptRegistry(inProcess())
	t.Cleanup(r.Close)
	host := strings.TrimPrefix(r.URL, "http://")
	store, err := artifact.New(artifact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	run := func(args ...string) (int, string) {
		var stdout, stderr bytes.Buffer
		p := &process{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: os.Getenv, environ: os.Environ, ships: Standard()}
		return p.main(args), stderr.String()
	}
	wasm, err := os.ReadFile("testdata/hello.wasm")
	if err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "local.wasm")
	if err := os.WriteFile(local, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ component, want string }{
		"file":  {`"source": {"file": "` + filepath.ToSlash(local) + `"}`, "the workload's document has the component a from a file, and not from a registry"},
		"build": {`"source": {"image": "@DIGEST"}, "build": {"command": ["touch", "x"]}`, "a build of the component a"},
		"both":  {`"source": {"image": "@DIGEST", "file": "x"}`, "the component a from a file"},
		"key":   {`"source": {"image": "@DIGEST"}, "verify": {"key": "` + filepath.ToSlash(local) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := artifact.ParseReference(host + "/shop/" + name + ":1")
			if err != nil {
				t.Fatal(err)
			}
			_, err = store.PushWorkload(t.Context(), ref, map[string]*artifact.Component{"a": {Wasm: wasm}}, nil, func(digests map[string]string) ([]byte, error) {
				text := `{"apiVersion": "vitrine.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "shop"}, "spec": {"components": [{"name": "a", ` + c.component + `}]}}`
				return []byte(strings.ReplaceAll(text, "DIGEST", digests["a"])), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "back")
			if c.want == "" {
				if status, stderr := run("pull", ref.String(), "-o", dir); status != ExitOK {
					t.Fatal(status, stderr)
				}
				if status, stderr := run("check", dir); status != ExitOK {
					t.Error(status, stderr)
				}
				return
			}
			for _, args := range [][]string{{"check", ref.String()}, {"inspect", ref.String()}, {"pull", ref.String(), "-o", dir}} {
				if status, stderr := run(args...); status != ExitUsage || !strings.Contains(stderr, c.want) {
					t.Errorf("%s: status %d, %s; want %q", args[0], status, stderr, c.want)
				}
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the folder is made")
			}
		})
	}
}

// TestHalfAPair: keygen leaves no private key behind whose public one could not be written.
func TestHalfAPair(t *testing.T) {
	name := filepath.Join(t.TempDir(), "shop")
	if err := os.WriteFile(name+".pub", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: os.Getenv, environ: os.Environ, ships: Standard()}
	if status := p.main([]string{"keygen", name}); status != ExitUsage {
		t.Error(status)
	}
	if _, err := os.Stat(name + ".key"); err == nil {
		t.Error("the private key is left")
	}
}
