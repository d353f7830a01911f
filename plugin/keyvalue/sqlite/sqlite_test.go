package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/workload"
)

var ada = keyvalue.Owner{Namespace: "n", Workload: "w", Component: "ada"}

func open(t testing.TB, c sqlite.Config) *sqlite.Backend {
	t.Helper()
	b, err := sqlite.Open(context.Background(), c)
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

func bucket(t testing.TB, b keyvalue.Backend) keyvalue.Bucket {
	t.Helper()
	in, err := b.Open(context.Background(), ada, "default")
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestContract(t *testing.T) {
	keyvaluetest.Run(t, func(t *testing.T) keyvalue.Backend {
		dir := filepath.Join(t.TempDir(), "a #%41") // what a URL would take for something else
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return open(t, sqlite.Config{File: filepath.Join(dir, "data.db")})
	})
}

// TestMain is the process that TestKilled kills: it sets numbers, and says which ones are acknowledged.
func TestMain(m *testing.M) {
	file := os.Getenv("VITRINE_TEST_SQLITE")
	if file == "" {
		os.Exit(m.Run())
	}
	b, err := sqlite.Open(context.Background(), sqlite.Config{File: file})
	if err != nil {
		panic(err)
	}
	in, err := b.Open(context.Background(), ada, "default")
	for n := 0; err == nil; n++ {
		if err = in.Set(context.Background(), strconv.Itoa(n), []byte(strconv.Itoa(n))); err == nil {
			fmt.Println(n)
		}
	}
	panic(err)
}

// TestKilled: what was acknowledged is there after the process was killed.
func TestKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes are not killed by signals here")
	}
	file := filepath.Join(t.TempDir(), "data.db")
	last := -1
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "VITRINE_TEST_SQLITE="+file)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 200 {
				if err := cmd.Process.Kill(); err != nil { // SIGKILL
					t.Fatal(err)
				}
			}
			if last, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		in := bucket(t, open(t, sqlite.Config{File: file}))
		for n := range last + 1 {
			if v, ok, err := in.Get(t.Context(), strconv.Itoa(n)); string(v) != strconv.Itoa(n) || !ok || err != nil {
				t.Fatalf("%d of %d acknowledged: %q, %t, %v", n, last+1, v, ok, err)
			}
		}
	}
	if last < 200 {
		t.Fatalf("only %d were acknowledged", last+1)
	}
}

// TestSize: a full file refuses more, says so, and takes what fits again after something was deleted.
func TestSize(t *testing.T) {
	in := bucket(t, open(t, sqlite.Config{File: filepath.Join(t.TempDir(), "data.db"), Size: "256Ki"}))
	big := bytes.Repeat([]byte("x"), 32<<10)
	n := 0
	var err error
	for ; n < 100 && err == nil; n++ {
		err = in.Set(t.Context(), strconv.Itoa(n), big)
	}
	if !errors.Is(err, keyvalue.ErrFull) || n < 4 || n > 8 {
		t.Fatalf("after %d values: %v", n, err)
	}
	if err := in.Delete(t.Context(), "0"); err != nil {
		t.Fatal(err)
	}
	if err := in.Set(t.Context(), "again", big); err != nil {
		t.Error(err)
	}
}

// TestFiles: what cannot be opened is an error that says why.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	open(t, sqlite.Config{File: newer})
	sqlite.SetVersion(t, newer, 7)
	for _, c := range []struct {
		config sqlite.Config
		want   string
	}{
		{sqlite.Config{File: filepath.Join(dir, "none", "data.db")}, "none does not exist; make it"},
		{sqlite.Config{File: other}, "the file is no SQLite database"},
		{sqlite.Config{File: dir}, "is a directory"},
		{sqlite.Config{File: newer}, "made by a newer version"},
		{sqlite.Config{File: filepath.Join(dir, "x"), Size: "much"}, "size: "},
	} {
		b, err := sqlite.Open(t.Context(), c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.config, err, c.want)
		}
		if err == nil {
			_ = b.Close()
		}
	}
	data := filepath.Join(dir, "data.db")
	in := bucket(t, open(t, sqlite.Config{File: data}))
	if err := in.Set(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{data, data + "-wal", data + "-shm"} {
		if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestSeveralOpenings: two openings of one file, as of two processes, see the same data and lose no update.
func TestSeveralOpenings(t *testing.T) {
	c := sqlite.Config{File: filepath.Join(t.TempDir(), "data.db")}
	done := make(chan error)
	for range 2 {
		in := bucket(t, open(t, c)).(keyvalue.Incrementer)
		go func() {
			var err error
			for range 100 {
				if _, e := in.Increment(t.Context(), "n", 1); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if v, _, err := bucket(t, open(t, c)).Get(t.Context(), "n"); string(v) != "200" || err != nil {
		t.Errorf("%s, %v", v, err)
	}
}

// TestLifetime: by default the next workload of the name finds the data, with data: drop it does not.
func TestLifetime(t *testing.T) {
	for data, kept := range map[string]bool{"": true, "keep": true, "drop": false} {
		t.Run("data "+data, func(t *testing.T) {
			c := sqlite.Config{File: filepath.Join(t.TempDir(), "data.db")}
			visits := open(t, c)
			p := keyvalue.New(visits).AddType(sqlite.Type(), func(ctx context.Context, config any) (keyvalue.Backend, error) {
				return sqlite.Open(ctx, config.(sqlite.Config))
			})
			grants := workload.Grants{Keyvalue: map[string]workload.StoreGrant{"default": {Type: "sqlite", Config: c, Data: data}}}
			backendtest.Lifetime(t, p, grants, kept, func(owner backend.Owner) bool {
				b := open(t, c) // its own: it knows of no bucket yet
				in, err := b.Open(t.Context(), owner, "default")
				if err != nil {
					t.Fatal(err)
				}
				n, err := in.(keyvalue.Incrementer).Increment(t.Context(), "n", 1)
				if err != nil {
					t.Fatal(err)
				}
				return n > 1
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	in := bucket(b, open(b, sqlite.Config{File: filepath.Join(b.TempDir(), "data.db")}))
	if err := in.Set(b.Context(), "k", []byte("value")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := in.Get(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	in := bucket(b, open(b, sqlite.Config{File: filepath.Join(b.TempDir(), "data.db")}))
	b.ReportAllocs()
	for b.Loop() {
		if err := in.Set(b.Context(), "k", []byte("value")); err != nil {
			b.Fatal(err)
		}
	}
}
