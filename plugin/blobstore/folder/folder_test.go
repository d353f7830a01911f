package folder_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/blobstoretest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

var ada = blobstore.Owner{Namespace: "n", Workload: "w", Component: "ada"}

func open(t testing.TB, c folder.Config) *folder.Backend {
	t.Helper()
	b, err := folder.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func put(t testing.TB, s blobstore.Store, object, data string) {
	t.Helper()
	if _, err := s.Put(t.Context(), "c", object, strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s blobstore.Store, object string) string {
	t.Helper()
	r, _, err := s.Open(t.Context(), "c", object, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestContract(t *testing.T) {
	blobstoretest.Run(t, func(t *testing.T) blobstore.Backend { return open(t, folder.Config{Path: t.TempDir()}) })
}

// TestLifetime: by default the next workload of the name finds the data, with data: drop it does not.
func TestLifetime(t *testing.T) {
	for _, data := range []string{"", "keep", "drop"} {
		t.Run("data "+data, func(t *testing.T) {
			c := folder.Config{Path: t.TempDir()}
			p := blobstore.New(memory.New(0)).AddType(folder.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
				return folder.Open(config.(folder.Config))
			})
			grants := workload.Grants{Blobstore: map[string]workload.StoreGrant{"default": {Type: "folder", Config: c, Data: data}}}
			backendtest.Lifetime(t, p, grants, data != "drop", func(owner backend.Owner) bool {
				err := open(t, c).Store(owner).CreateContainer(t.Context(), "c")
				if err != nil && !errors.Is(err, blobstore.ErrExists) {
					t.Fatal(err)
				}
				return err != nil
			})
		})
	}
}

// TestSize: a full folder refuses more and keeps what it has; what is deleted or replaced makes room, also after it is opened again.
func TestSize(t *testing.T) {
	c := folder.Config{Path: t.TempDir(), Size: "1Mi"}
	s := open(t, c).Store(ada)
	if err := s.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	full := func(s blobstore.Store, size int) {
		t.Helper()
		if _, err := s.Put(t.Context(), "c", "more", strings.NewReader(strings.Repeat("x", size))); !errors.Is(err, blobstore.ErrFull) {
			t.Errorf("%d bytes more: %v", size, err)
		}
	}
	put(t, s, "half", strings.Repeat("x", 512<<10))
	full(s, 512<<10+1)
	put(t, s, "rest", strings.Repeat("y", 512<<10))
	full(s, 1)
	put(t, s, "rest", "short")
	put(t, s, "rest", strings.Repeat("y", 500<<10))
	s = open(t, c).Store(ada)
	full(s, 13<<10)
	if err := s.Delete(t.Context(), "c", "half", "half", "none"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "more", strings.Repeat("z", 500<<10))
	if err := s.DeleteContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "all", strings.Repeat("x", 1<<20))
}

// TestNames: names of files say what the objects are called, and cannot lead anywhere.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	s := open(t, folder.Config{Path: dir}).Store(ada)
	if err := s.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"photo.png": "photo.png", "Photo.png": "%50hoto.png", "../../../x": "%2e./../../x", "": "%", "%": "%25", "con.txt": "%63on.txt", ".created": "%2ecreated", "a.": "a%2e",
	}
	want["../../../x"] = "%2e.%2f..%2f..%2fx"
	for name := range want {
		put(t, s, name, "data of "+name)
	}
	for name, file := range want {
		if data, err := os.ReadFile(filepath.Join(dir, "n", "w", "ada", "c", file)); string(data) != "data of "+name || err != nil {
			t.Errorf("%q: %q, %v", name, data, err)
		}
	}
	page, err := s.List(t.Context(), "c", "")
	if err != nil || len(page.Names) != len(want) {
		t.Errorf("%q, %v", page.Names, err)
	}
	for _, name := range []string{strings.Repeat("x", 241), strings.Repeat("X", 81)} {
		if _, err := s.Put(t.Context(), "c", name, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "too long for a file") {
			t.Errorf("a long name: %v", err)
		}
	}
}

// TestOthersFiles: links and files that others have put into the folder lead nowhere, and are no objects.
func TestOthersFiles(t *testing.T) {
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder.Config{Path: dir}).Store(ada)
	if err := s.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	container := filepath.Join(dir, "n", "w", "ada", "c")
	if err := errors.Join(os.Symlink(secret, filepath.Join(container, "link")), os.WriteFile(filepath.Join(container, "UPPER"), nil, 0o600)); err != nil {
		t.Skip("no links here: ", err)
	}
	if r, _, err := s.Open(t.Context(), "c", "link", 0, 10); err == nil {
		r.Close()
		t.Error("a link led out of the folder")
	}
	put(t, s, "link", "mine")
	if data, err := os.ReadFile(secret); string(data) != "secret" || err != nil {
		t.Errorf("%s, %v", data, err)
	}
	if page, err := s.List(t.Context(), "c", ""); err != nil || !slices.Equal(page.Names, []string{"link"}) {
		t.Errorf("%q, %v", page.Names, err)
	}
}

// TestLeftBehind: what a process that was killed has left is not visible, and removed when it is old.
func TestLeftBehind(t *testing.T) {
	dir := t.TempDir()
	s := open(t, folder.Config{Path: dir}).Store(ada)
	if err := s.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "o", "data")
	container := filepath.Join(dir, "n", "w", "ada", "c")
	old := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{filepath.Join(container, ".new-a"), filepath.Join(container, ".new-b"), filepath.Join(filepath.Dir(container), ".old-a")} {
		if err := os.WriteFile(name, []byte("part"), 0o600); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "-b") {
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = open(t, folder.Config{Path: dir}).Store(ada)
	if page, err := s.List(t.Context(), "c", ""); err != nil || !slices.Equal(page.Names, []string{"o"}) || get(t, s, "o") != "data" {
		t.Errorf("%q, %v", page.Names, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "n", "w", "ada", "*", ".new-*"))
	more, _ := filepath.Glob(filepath.Join(dir, "n", "w", "ada", ".old-*"))
	if err != nil || len(left) != 1 || len(more) != 0 {
		t.Errorf("left are %v and %v, %v", left, more, err)
	}
}

// TestFolders: what cannot be opened is an error that says why.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]folder.Config{
		"none does not exist; make it": {Path: filepath.Join(dir, "none")},
		"file":                         {Path: file},
		"size: ":                       {Path: dir, Size: "much"},
	} {
		if b, err := folder.Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", c, err, want)
			if err == nil {
				_ = b.Close()
			}
		}
	}
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			s := open(b, folder.Config{Path: b.TempDir()}).Store(ada)
			if err := s.CreateContainer(b.Context(), "c"); err != nil {
				b.Fatal(err)
			}
			data := strings.Repeat("x", size)
			b.SetBytes(int64(size))
			for b.Loop() {
				put(b, s, "o", data)
			}
		})
	}
}
