package nats

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

var ada = keyvalue.Owner{Namespace: "n", Workload: "w", Component: "ada"}

func newBackend(t testing.TB, c Config) *Backend {
	t.Helper()
	b, err := Open(c)
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

func open(t testing.TB, b keyvalue.Backend, name string) keyvalue.Bucket {
	t.Helper()
	in, err := b.Open(t.Context(), ada, name)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestContract(t *testing.T) {
	s := servers.StartNATS(t)
	keyvaluetest.Run(t, func(t *testing.T) keyvalue.Backend {
		b := newBackend(t, Config{URL: s.URL()})
		_, js, err := b.server.Get(t.Context())
		if err == nil {
			err = natsconn.DropStreams(t.Context(), js, streams)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func TestLifetime(t *testing.T) {
	s := servers.StartNATS(t)
	for _, data := range []string{"", "keep", "drop"} {
		t.Run("data "+data, func(t *testing.T) {
			c := Config{URL: s.URL()}
			p := keyvalue.New(newBackend(t, c)).AddType(Type(), func(_ context.Context, config any) (keyvalue.Backend, error) {
				return Open(config.(Config))
			})
			bucket := "b" + data
			grants := workload.Grants{Keyvalue: map[string]workload.StoreGrant{bucket: {Type: "nats", Config: c, Data: data}}}
			backendtest.Lifetime(t, p, grants, data != "drop", func(owner backend.Owner) bool {
				in, err := newBackend(t, c).Open(t.Context(), owner, bucket)
				if err != nil {
					t.Fatal(err)
				}
				n, err := in.(keyvalue.Incrementer).Increment(t.Context(), "n", 1)
				if err != nil {
					t.Fatal(err)
				}
				return n > 1
			})
			b := newBackend(t, c)
			for _, w := range []string{"v", "w"} {
				b.Drop(backend.Owner{Namespace: "n", Workload: w, Component: "c"})
			}
		})
	}
}

// TestKilled: what was acknowledged is there after the server was killed. While it is down, calls fail and do not wait long; when it is
// up again they succeed, with nothing done here.
func TestKilled(t *testing.T) {
	s := servers.StartNATS(t)
	in := open(t, newBackend(t, Config{URL: s.URL()}), "default")
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
	b := newBackend(t, Config{URL: "nats://" + servers.Silent(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Open(ctx, ada, "default"); err == nil {
		t.Error("a server that never answers has opened a bucket before the context's end")
	}
	if _, err := b.Open(t.Context(), ada, "default"); !errors.Is(err, natsconn.ErrDown) {
		t.Errorf("%v", err)
	}
}

// TestGone: a bucket that somebody has deleted is an error that says so, and is made again by the next Open.
func TestGone(t *testing.T) {
	s := servers.StartNATS(t)
	b := newBackend(t, Config{URL: s.URL()})
	in := open(t, b, "default")
	if err := in.Set(t.Context(), "planted-key", []byte("planted-value")); err != nil {
		t.Fatal(err)
	}
	_, js, err := b.server.Get(t.Context())
	if err == nil {
		err = natsconn.DropStreams(t.Context(), js, streams)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _, get := in.Get(t.Context(), "planted-key")
	_, list := in.List(t.Context(), "")
	for name, err := range map[string]error{"get": get, "set": in.Set(t.Context(), "planted-key", []byte("planted-value")), "list": list} {
		if err == nil || !strings.Contains(err.Error(), "somebody has deleted the bucket") || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := open(t, b, "default").Set(t.Context(), "k", nil); err != nil {
		t.Error(err)
	}
}

// TestLimits: what the server does not take is an error that says why, and has nothing of the guest's in it.
func TestLimits(t *testing.T) {
	s := servers.StartNATS(t)
	in := open(t, newBackend(t, Config{URL: s.URL()}), "default")
	if err := in.Set(t.Context(), "k", make([]byte, 2<<20)); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("%v", err)
	}
	if err := in.Set(t.Context(), strings.Repeat("planted", 1000), nil); err == nil || !strings.Contains(err.Error(), "too long") || strings.Contains(err.Error(), "planted") {
		t.Errorf("%v", err)
	}
	if err := in.Set(t.Context(), strings.Repeat("k", maxKey), nil); err != nil {
		t.Errorf("a key as long as it may be: %v", err)
	}
}

// TestPasswords: a password comes from where the config says, and is never in an error.
func TestPasswords(t *testing.T) {
	s := servers.StartNATS(t, "--user", "me", "--pass", "planted-secret")
	for password, want := range map[string]bool{"planted-secret": true, "planted-other": false} {
		t.Setenv("NATS_PASSWORD", password)
		_, err := newBackend(t, Config{URL: s.URL(), Username: "me", Password: workload.Secret{Env: "NATS_PASSWORD"}}).Open(t.Context(), ada, "b")
		if (err == nil) != want || err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%v", err)
		}
	}
}

// TestReadable: other programs find ordinary keys and values as they are.
func TestReadable(t *testing.T) {
	s := servers.StartNATS(t)
	b := newBackend(t, Config{URL: s.URL()})
	if err := open(t, b, "carts").Set(t.Context(), "users/7.cart", []byte("v")); err != nil {
		t.Fatal(err)
	}
	_, js, err := b.server.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "vitrine__n__w__ada__carts")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := kv.Get(t.Context(), "users/7.cart"); err != nil || string(e.Value()) != "v" {
		t.Errorf("%v", err)
	}
}
