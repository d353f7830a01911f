package redis_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/redis"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

var ada = keyvalue.Owner{Namespace: "n", Workload: "w", Component: "ada"}

func newBackend(t testing.TB, c redis.Config) *redis.Backend {
	t.Helper()
	b, err := redis.New(c)
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
	s := servers.StartRedis(t)
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	defer client.Close()
	keyvaluetest.Run(t, func(t *testing.T) keyvalue.Backend {
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		return newBackend(t, redis.Config{URL: "redis://" + s.Addr + "/3"})
	})
}

func TestLifetime(t *testing.T) {
	s := servers.StartRedis(t)
	for database, data := range []string{"", "keep", "drop"} {
		t.Run("data "+data, func(t *testing.T) {
			c := redis.Config{URL: "redis://" + s.Addr + "/" + strconv.Itoa(database)}
			p := keyvalue.New(newBackend(t, c)).AddType(redis.Type(), func(_ context.Context, config any) (keyvalue.Backend, error) {
				return redis.New(config.(redis.Config))
			})
			grants := workload.Grants{Keyvalue: map[string]workload.StoreGrant{"default": {Type: "redis", Config: c, Data: data}}}
			backendtest.Lifetime(t, p, grants, data != "drop", func(owner backend.Owner) bool {
				in, err := newBackend(t, c).Open(t.Context(), owner, "default")
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

// TestKilled: what was acknowledged is there after the server was killed. While it is down, calls fail and do not wait long; when it is
// up again they succeed, with nothing done here.
func TestKilled(t *testing.T) {
	s := servers.StartRedis(t)
	in := bucket(t, newBackend(t, redis.Config{URL: "redis://" + s.Addr}))
	servers.Killed(t, s, 300,
		func(n int) error { return in.Set(t.Context(), strconv.Itoa(n), []byte("v")) },
		func() error { _, _, err := in.Get(t.Context(), "0"); return err },
		func(n int) error {
			_, ok, err := in.Get(t.Context(), strconv.Itoa(n))
			if err == nil && !ok {
				err = errors.New("it is not there")
			}
			return err
		})
}

// TestSilentServer: a server that takes connections and never answers costs a call bounded time, and no more than its context has.
func TestSilentServer(t *testing.T) {
	b := newBackend(t, redis.Config{URL: "redis://" + servers.Silent(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Open(ctx, ada, "default"); err == nil {
		t.Error("a server that never answers has opened a bucket before the context's end")
	}
	if _, err := b.Open(t.Context(), ada, "default"); err == nil {
		t.Error("a server that never answers has opened a bucket")
	}
}

// TestFull: a server whose memory is full is a full store.
func TestFull(t *testing.T) {
	s := servers.StartRedis(t, "--maxmemory", "3mb")
	in := bucket(t, newBackend(t, redis.Config{URL: "redis://" + s.Addr}))
	var err error
	for n := 0; n < 100 && err == nil; n++ {
		err = in.Set(t.Context(), strconv.Itoa(n), make([]byte, 100<<10))
	}
	if !errors.Is(err, keyvalue.ErrFull) {
		t.Error(err)
	}
}

// TestPasswords: a password comes from where the config says, and is never in an error.
func TestPasswords(t *testing.T) {
	const password = "pa55-of-the-server"
	s := servers.StartRedis(t, "--requirepass", password)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VITRINE_TEST_PASSWORD", password)
	url := "redis://" + s.Addr
	for _, secret := range []workload.Secret{{Env: "VITRINE_TEST_PASSWORD"}, {File: file}} {
		if err := bucket(t, newBackend(t, redis.Config{URL: url, Password: secret})).Set(t.Context(), "k", nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := newBackend(t, redis.Config{URL: url}).Open(t.Context(), ada, "default"); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
	for want, c := range map[string]redis.Config{
		"is not set":              {URL: url, Password: workload.Secret{Env: "VITRINE_TEST_NONE"}},
		"does not exist":          {URL: url, Password: workload.Secret{File: file + "x"}},
		"the URL has a password;": {URL: "redis://u:" + password + "@" + s.Addr},
		"this is no URL":          {URL: "redis://u:" + password + "@%zz"},
		"invalid URL scheme":      {URL: "http://" + s.Addr},
	} {
		if _, err := redis.New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if key, problem := redis.Type().Check(redis.Config{URL: "redis://u:" + password + "@h"}); key != "url" || strings.Contains(problem, password) {
		t.Errorf("%s: %s", key, problem)
	}
}

func BenchmarkGet(b *testing.B) {
	s := servers.StartRedis(b)
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	defer client.Close()
	in := bucket(b, newBackend(b, redis.Config{URL: "redis://" + s.Addr}))
	if err := errors.Join(in.Set(b.Context(), "k", []byte("value")), client.Set(b.Context(), "k", "value", 0).Err()); err != nil {
		b.Fatal(err)
	}
	b.Run("backend", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := in.Get(b.Context(), "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("client alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Get(b.Context(), "k").Bytes(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
