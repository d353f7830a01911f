package servers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// distribution is the path of the registry that tests are run against. It is built of the module in the folder registry, once for each version of it.
var distribution = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "registry")
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		b, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	dir := filepath.Join(cache, "vitrine", "servers", "distribution-"+hex.EncodeToString(sum.Sum(nil))[:12])
	file := filepath.Join(dir, executable("registry"))
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	return file, build(dir, file, module, ".")
})

// Registry is a registry of a test, CNCF Distribution, whose blobs and manifests are files.
type Registry struct {
	Addr string // HOST:PORT
	Dir  string // of its files: docker/registry/v2/blobs/sha256/…
	t    testing.TB
	file string
	cmd  *exec.Cmd
}

// StartRegistry starts an empty registry, which ends with the test. users are names and passwords, one after the other; without them everybody may read and write.
func StartRegistry(t testing.TB, users ...string) *Registry {
	t.Helper()
	if _, err := distribution(); err != nil {
		t.Skipf("there is no registry of Distribution, and its Go module could not be built: %v", err)
	}
	dir := t.TempDir()
	r := &Registry{Addr: freeAddr(t), Dir: filepath.Join(dir, "data"), t: t, file: filepath.Join(dir, "registry.yaml")}
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}\nhttp: {addr: %q, secret: planted-registry-secret}\n", r.Dir, r.Addr)
	if len(users) > 0 {
		var text []byte
		for i := 0; i+1 < len(users); i += 2 {
			hash, err := bcrypt.GenerateFromPassword([]byte(users[i+1]), bcrypt.MinCost)
			if err != nil {
				t.Fatal(err)
			}
			text = fmt.Appendf(text, "%s:%s\n", users[i], hash)
		}
		passwords := filepath.Join(dir, "users")
		if err := os.WriteFile(passwords, text, 0o600); err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf("auth: {htpasswd: {realm: tests, path: %q}}\n", passwords)
	}
	if err := os.WriteFile(r.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Start()
	t.Cleanup(r.Kill)
	return r
}

// Start starts a registry that was killed, with its files.
func (r *Registry) Start() {
	r.t.Helper()
	file, err := distribution()
	if err != nil {
		r.t.Fatal(err)
	}
	r.cmd = exec.Command(file, r.file)
	r.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "OTEL_SDK_DISABLED=true")
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	waitFor(r.t, r.Addr)
}

// Kill ends the registry as a machine that fails does. It does nothing where the registry has ended.
func (r *Registry) Kill() {
	if r.cmd == nil {
		return
	}
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Error(err)
	}
	_ = r.cmd.Wait() // it says that it was killed
	r.cmd = nil
}

// Blob is the file of a blob or a manifest.
func (r *Registry) Blob(digest string) string {
	hash := digest[len("sha256:"):]
	return filepath.Join(r.Dir, "docker", "registry", "v2", "blobs", "sha256", hash[:2], hash, "data")
}
