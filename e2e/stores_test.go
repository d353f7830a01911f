package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestStoredInAFile: what a guest has stored is there after the server was killed, with data: drop not after it was stopped; components
// share data if both grants say so, and otherwise never see each other's.
func TestStoredInAFile(t *testing.T) {
	guest := testref.File(t, "rust-kv-only-p2")
	manifest := func(dir, first, second string) string {
		file := filepath.Join(dir, "vitrine.yaml")
		text := "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n"
		for i, grant := range []string{first, second} {
			text += fmt.Sprintf("    - {name: c%d, source: {file: %q}, grants: {keyvalue: {default: %s}}}\n", i, guest, grant)
		}
		text += "  triggers:\n    - http: {path: /, component: c0}\n    - http: {path: /kv/list, component: c1}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	t.Run("killed", func(t *testing.T) {
		file := manifest(t.TempDir(), "{sqlite: data.db}", "{sqlite: data.db}")
		s := up(t, nil, file)
		s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
		s.kill()
		s = up(t, nil, file)
		s.expect("/kv/get?key=x", "", 200, "abc\n")
		s.expect("/kv/list", "", 200, "0 keys, 1 pages: \n")
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "data.db")); err != nil {
			t.Error(err)
		}
	})
	t.Run("shared", func(t *testing.T) {
		s := up(t, nil, manifest(t.TempDir(), "{sqlite: data.db, scope: workload}", "{sqlite: {file: data.db}, scope: workload}"))
		s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
		s.expect("/kv/list", "", 200, "1 keys, 1 pages: x\n")
	})
	t.Run("dropped", func(t *testing.T) {
		file := manifest(t.TempDir(), "{sqlite: data.db, data: drop}", "{sqlite: data.db}")
		s := up(t, nil, file)
		s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
		s.stop()
		s = up(t, nil, file)
		s.expect("/kv/get?key=x", "", 200, "none\n")
	})
	t.Run("without a backend", func(t *testing.T) {
		file := manifest(t.TempDir(), "{}", "{scope: component}")
		s := up(t, nil, file)
		s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
		s.waitForConsole("data of shop is in " + filepath.Join(filepath.Dir(file), ".vitrine") + "\n")
		s.kill()
		s = up(t, nil, file)
		s.expect("/kv/get?key=x", "", 200, "abc\n")
		s.expect("/kv/list", "", 200, "0 keys, 1 pages: \n")
		other := filepath.Join(t.TempDir(), "of", "vitrine")
		s = up(t, []string{"VITRINE_STATE_DIR=" + other}, file)
		s.expect("/kv/get?key=x", "", 200, "none\n")
		s.expect("/kv/set?key=x", "other", 200, "set x 5 bytes\n")
		s.stop()
		if _, err := os.Stat(filepath.Join(other, "key-value.db")); err != nil {
			t.Error(err)
		}
		s = up(t, nil, "--state-dir", other, file)
		s.expect("/kv/get?key=x", "", 200, "other\n")
	})
	t.Run("without a backend, dropped", func(t *testing.T) {
		file := manifest(t.TempDir(), "{data: drop}", "{backend: memory}")
		s := up(t, nil, file)
		s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
		s.stop()
		s = up(t, nil, file)
		s.expect("/kv/get?key=x", "", 200, "none\n")
	})
	t.Run("no folder for state", func(t *testing.T) {
		file := manifest(t.TempDir(), "{}", "{}")
		taken := filepath.Join(filepath.Dir(file), ".vitrine")
		if err := os.WriteFile(taken, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := run(t, "", "up", file)
		if code != 2 || !strings.Contains(errs, "grants.keyvalue.default: sqlite: the folder for the data cannot be made: mkdir "+taken) {
			t.Errorf("exit %d: %s", code, errs)
		}
	})
	t.Run("not granted", func(t *testing.T) {
		s := up(t, nil, manifest(t.TempDir(), "{sqlite: data.db}", "{}"))
		if status, text, err := s.get("/kv/get?key=x&store=sessions", ""); err != nil || status == 200 || !strings.Contains(text, "NoSuchStore") {
			t.Errorf("%d %q, %v", status, text, err)
		}
		s.waitForConsole(`a bucket named "sessions" is not granted; to allow it, add "sessions" to grants.keyvalue of component c0`)
	})
	t.Run("no folder", func(t *testing.T) {
		code, _, errs := run(t, "", "up", manifest(t.TempDir(), "{sqlite: none/data.db}", "{}"))
		if code != 2 && code != 1 || !strings.Contains(errs, "grants.keyvalue.default: sqlite: the folder ") || !strings.Contains(errs, "none does not exist; make it") {
			t.Errorf("exit %d: %s", code, errs)
		}
	})
}

// TestStoredInAFolder: objects are files of the folder that the manifest grants, and there after the server was killed.
func TestStoredInAFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "vitrine.yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n"+
		"    - {name: c, source: {file: %q}, grants: {blobstore: {default: {folder: blobs}}}}\n  triggers: [{http: {path: /, component: c}}]\n", testref.File(t, "rust-kv-p2"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := up(t, nil, file)
	s.expect("/blob/put?container=c&name=n", "a blob", 200, "put c/n 6 bytes\n")
	s.kill()
	if data, err := os.ReadFile(filepath.Join(dir, "blobs", "%", "shop", "c", "c", "n")); string(data) != "a blob" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	s = up(t, nil, file)
	s.expect("/blob/get?container=c&name=n&start=2&end=3", "", 200, "size 2: bl\n")
	s.expect("/blob/list?container=c", "", 200, "n\n")
}

// TestSpinSQLite: a component of Spin's SDK has its database, which survives the server, and nothing beyond it.
func TestSpinSQLite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: visits}
spec:
  components:
    - {name: a, source: {file: %[1]q}, grants: {sqlite: {default: {file: visits.db}, scratch: {backend: memory}}}}
    - {name: b, source: {file: %[1]q}, grants: {sqlite: {default: {file: visits.db}}}}
    - {name: c, source: {file: %[1]q}}
  triggers:
    - http: {path: /, component: a}
    - http: {path: /sqlite/visit/b, component: b}
    - http: {path: /sqlite/visit/c, component: c}
`, testref.File(t, "rust-spin-p2"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, nil, file)
	s.expect("/sqlite/visit?who=ann", "", 200, "1\n")
	s.expect("/sqlite/visit?who=ann", "", 200, "2\n")
	s.expect("/sqlite/visit/b?who=ann", "", 200, "3\n")
	s.expect("/sqlite/visit/c?who=ann", "", 200, "1\n") // in its own memory
	s.expect("/sqlite/visit?who=ann&db=scratch", "", 200, "1\n")
	s.expect("/sqlite/visit?who=ann&db=other", "", 500, "Error::NoSuchDatabase")
	s.expect("/sqlite/statement", "SELECT who, n, 1.5, x'00', NULL AS z FROM visits", 200,
		`["who", "n", "1.5", "x'00'", "z"] [[Value::Text("ann"), Value::Integer(3), Value::Real(1.5), Value::Blob([0]), Value::Null]]`+"\n")
	s.expect("/sqlite/statement", "SELEKT 1", 200, `error Error::Io("near \"SELEKT\": syntax error")`+"\n")
	s.expect("/sqlite/statement", "ATTACH '"+filepath.Join(dir, "x")+"' AS x", 200, `error Error::Io("not authorized")`+"\n")
	s.kill()
	s = up(t, nil, file)
	s.expect("/sqlite/visit?who=ann", "", 200, "4\n")
	s.expect("/sqlite/visit?who=ann&db=scratch", "", 200, "1\n")
}
