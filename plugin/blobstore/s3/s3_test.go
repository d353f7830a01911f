package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/blobstoretest"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/tlstest"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

var ada = blobstore.Owner{Namespace: "n", Workload: "w", Component: "ada"}

// config is that of a server's user, whose keys are in the environment.
func config(t testing.TB, s *servers.S3) Config {
	t.Setenv("VITRINE_TEST_ACCESS", servers.S3Access)
	t.Setenv("VITRINE_TEST_SECRET", servers.S3Secret)
	return Config{Endpoint: "http://" + s.Addr, Bucket: servers.S3Bucket, AccessKey: workload.Secret{Env: "VITRINE_TEST_ACCESS"}, SecretKey: workload.Secret{Env: "VITRINE_TEST_SECRET"}}
}

func newBackend(t testing.TB, c Config) *Backend {
	t.Helper()
	b, err := New(c)
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

func TestContract(t *testing.T) {
	s := servers.StartS3(t)
	c := config(t, s)
	n := 0
	blobstoretest.Run(t, func(t *testing.T) blobstore.Backend {
		n++
		c.Prefix = "test/" + strconv.Itoa(n)
		return newBackend(t, c)
	})
}

func TestLifetime(t *testing.T) {
	s := servers.StartS3(t)
	for _, data := range []string{"", "keep", "drop"} {
		t.Run("data "+data, func(t *testing.T) {
			c := config(t, s)
			c.Prefix = "data-" + data
			p := blobstore.New(newBackend(t, c)).AddType(Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
				return New(config.(Config))
			})
			grants := workload.Grants{Blobstore: map[string]workload.StoreGrant{"default": {Type: "s3", Config: c, Data: data}}}
			backendtest.Lifetime(t, p, grants, data != "drop", func(owner backend.Owner) bool {
				err := newBackend(t, c).Store(owner).CreateContainer(t.Context(), "c")
				if err != nil && !errors.Is(err, blobstore.ErrExists) {
					t.Fatal(err)
				}
				return err != nil
			})
		})
	}
}

// pattern is a reader of n bytes that differ.
type pattern struct{ at, n int }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	k := min(len(b), p.n-p.at)
	for i := range b[:k] {
		b[i] = byte((p.at + i) * 31 >> 3)
	}
	p.at += k
	return k, nil
}

// TestParts: objects of several parts, and of exactly full ones, read as they were put, whole and by ranges across parts; one that fails leaves nothing
// of itself in the bucket.
func TestParts(t *testing.T) {
	s := servers.StartS3(t)
	in := newBackend(t, config(t, s)).Store(ada)
	if err := in.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{partSize - 1, partSize, partSize + 1, 2 * partSize, 2*partSize + 12345} {
		info, err := in.Put(t.Context(), "c", "o", &pattern{n: n})
		if err != nil || info.Size != uint64(n) {
			t.Fatalf("%d bytes: %+v, %v", n, info, err)
		}
		for _, r := range []struct{ from, n uint64 }{{0, math.MaxUint64}, {partSize - 10, 20}, {uint64(n) - 5, 100}} {
			body, info, err := in.Open(t.Context(), "c", "o", r.from, r.n)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			_ = body.Close()
			want, _ := io.ReadAll(&pattern{at: int(r.from), n: int(min(r.from+min(r.n, 1<<40), uint64(n)))})
			if err != nil || string(got) != string(want) || info.Size != uint64(n) {
				t.Errorf("%d of %d bytes from %d on: %d bytes, %+v, %v", r.n, n, r.from, len(got), info, err)
			}
		}
	}
	cable := errors.New("cable pulled")
	if _, err := in.Put(t.Context(), "c", "half", io.MultiReader(&pattern{n: partSize + 1}, errReader{cable})); !errors.Is(err, cable) {
		t.Error(err)
	}
	if _, err := in.Stat(t.Context(), "c", "half"); !errors.Is(err, blobstore.ErrNoSuchObject) {
		t.Error(err)
	}
}

type errReader struct{ error }

func (e errReader) Read([]byte) (int, error) { return 0, e.error }

// TestKilled: what was acknowledged is there after the server was killed. While it is down, calls fail and do not wait long; when it is
// up again they succeed, with nothing done here.
func TestKilled(t *testing.T) {
	s := servers.StartS3(t)
	in := newBackend(t, config(t, s)).Store(ada)
	if err := in.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	servers.Killed(t, s, 50,
		func(n int) error {
			_, err := in.Put(t.Context(), "c", strconv.Itoa(n), strings.NewReader("v"+strconv.Itoa(n)))
			return err
		},
		func() error {
			_, err := in.Stat(t.Context(), "c", "0")
			return err
		},
		func(n int) error {
			body, _, err := in.Open(t.Context(), "c", strconv.Itoa(n), 0, math.MaxUint64)
			if err != nil {
				return err
			}
			defer body.Close()
			data, err := io.ReadAll(body)
			if err == nil && string(data) != "v"+strconv.Itoa(n) {
				err = fmt.Errorf("it has %q", data)
			}
			return err
		})
}

// TestSilentServer: a server that takes connections and never answers costs a call no more than its context has, and says so otherwise.
func TestSilentServer(t *testing.T) {
	in := newBackend(t, Config{Endpoint: "http://" + servers.Silent(t), Bucket: "objects"}).Store(ada)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := in.Container(ctx, "c"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := in.Container(t.Context(), "planted-container"); !errors.Is(err, errNoAnswer) && !strings.Contains(err.Error(), "timeout") || strings.Contains(err.Error(), "planted") {
		t.Errorf("%v", err)
	}
}

// TestDown: a server that is not there is an error that names the address, and nothing of the guest's.
func TestDown(t *testing.T) {
	in := newBackend(t, Config{Endpoint: "http://127.0.0.1:1", Bucket: "objects"}).Store(ada)
	_, err := in.Put(t.Context(), "planted", "o", strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1: connect: ") || strings.Contains(err.Error(), "planted") {
		t.Errorf("%v", err)
	}
}

// TestTwoProcesses: a container that another process has deleted and made anew is the new one, for writes at once and for reads soon.
func TestTwoProcesses(t *testing.T) {
	s := servers.StartS3(t)
	first, second := newBackend(t, config(t, s)).Store(ada), newBackend(t, config(t, s)).Store(ada)
	ctx := t.Context()
	put := func(in blobstore.Store, name string) error {
		_, err := in.Put(ctx, "c", name, strings.NewReader("x"))
		return err
	}
	if err := errors.Join(first.CreateContainer(ctx, "c"), put(first, "old"), put(second, "old too"), second.DeleteContainer(ctx, "c")); err != nil {
		t.Fatal(err)
	}
	if err := put(first, "late"); !errors.Is(err, blobstore.ErrNoSuchContainer) {
		t.Errorf("a put in a container that was deleted: %v", err)
	}
	if err := errors.Join(second.CreateContainer(ctx, "c"), put(first, "new")); err != nil {
		t.Fatal(err)
	}
	if page, err := second.List(ctx, "c", ""); err != nil || len(page.Names) != 1 || page.Names[0] != "new" {
		t.Errorf("%q, %v", page.Names, err)
	}
}

// TestKeys: keys come from where the config says; wrong ones are access denied, and no error has a secret.
func TestKeys(t *testing.T) {
	s := servers.StartS3(t)
	c := config(t, s)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(servers.S3Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.SecretKey = workload.Secret{File: file}
	if err := newBackend(t, c).Store(ada).CreateContainer(t.Context(), "c"); err != nil {
		t.Error(err)
	}
	t.Setenv("VITRINE_TEST_WRONG", "planted-wrong")
	wrong, anonymous, none := c, c, c
	wrong.SecretKey = workload.Secret{Env: "VITRINE_TEST_WRONG"}
	anonymous.AccessKey, anonymous.SecretKey = workload.Secret{}, workload.Secret{}
	none.Bucket = "no-such-bucket"
	for want, c := range map[string]Config{"SignatureDoesNotMatch": wrong, "AccessDenied": anonymous, "the bucket no-such-bucket does not exist; make it": none} {
		_, err := newBackend(t, c).Store(ada).Container(t.Context(), "c")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") || errors.Is(err, blobstore.ErrAccessDenied) != (want == "AccessDenied") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for want, c := range map[string]Config{"": c, workload.BackendDenied: wrong, workload.BackendUnavailable: none, workload.BackendConnection: {Endpoint: "http://127.0.0.1:1", Bucket: "objects"}} {
		if got := backend.DownReason(newBackend(t, c).Ping(t.Context())); got != want {
			t.Errorf("asked whether it is there, it is down by %q, want %q", got, want)
		}
	}
	c.SecretKey = workload.Secret{Env: "VITRINE_TEST_NONE"}
	if _, err := New(c); err == nil || err.Error() != "secretKey: the environment variable VITRINE_TEST_NONE is not set" {
		t.Error(err)
	}
}

// TestTLS: the server's certificate is checked, by the system's authorities or by those of a file.
func TestTLS(t *testing.T) {
	cert, key := tlstest.Write(t, t.TempDir(), "server")
	s := servers.StartS3(t, "--cert", cert, "--key", key)
	c := config(t, s)
	c.Endpoint = "https://" + s.Addr
	if err := newBackend(t, c).Store(ada).CreateContainer(t.Context(), "c"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
	c.CA = cert
	if err := newBackend(t, c).Store(ada).CreateContainer(t.Context(), "c"); err != nil {
		t.Error(err)
	}
	c.CA = key
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "has no certificate in PEM") {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	key := workload.Secret{Env: "X"}
	for _, c := range []struct {
		want   string
		config Config
	}{
		{"", Config{Endpoint: "https://s3.example", Bucket: "shop"}},
		{"", Config{Endpoint: "http://127.0.0.1:9000/", Bucket: "a.b-c", Prefix: "x/y", AccessKey: key, SecretKey: key}},
		{"endpoint", Config{Endpoint: "s3.example", Bucket: "shop"}},
		{"endpoint", Config{Endpoint: "ftp://s3.example", Bucket: "shop"}},
		{"endpoint", Config{Endpoint: "https://planted:planted@s3.example", Bucket: "shop"}},
		{"endpoint", Config{Endpoint: "https://s3.example/planted", Bucket: "shop"}},
		{"endpoint", Config{Endpoint: "https://planted%zz", Bucket: "shop"}},
		{"bucket", Config{Endpoint: "https://s3.example", Bucket: "planted/x"}},
		{"bucket", Config{Endpoint: "https://s3.example", Bucket: "a..b"}},
		{"prefix", Config{Endpoint: "https://s3.example", Bucket: "shop", Prefix: "/x"}},
		{"secretKey", Config{Endpoint: "https://s3.example", Bucket: "shop", AccessKey: key}},
	} {
		if key, problem := check(c.config); key != c.want || strings.Contains(problem, "planted") {
			t.Errorf("%+v: %s: %s", c.config, key, problem)
		}
	}
}
