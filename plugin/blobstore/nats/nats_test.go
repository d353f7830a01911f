package nats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/backendtest"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/blobstoretest"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

var ada = blobstore.Owner{Namespace: "n", Workload: "w", Component: "ada"}

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

// do calls f with the server's JetStream.
func do(t *testing.T, b *Backend, f func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	if err := b.server.Do(t.Context(), natsconn.CallTime, f); err != nil {
		t.Fatal(err)
	}
}

func empty(t *testing.T, b *Backend) {
	t.Helper()
	do(t, b, func(ctx context.Context, js jetstream.JetStream) error { return natsconn.DropStreams(ctx, js, streams) })
}

func TestContract(t *testing.T) {
	s := servers.StartNATS(t)
	blobstoretest.Run(t, func(t *testing.T) blobstore.Backend {
		b := newBackend(t, Config{URL: s.URL()})
		empty(t, b)
		return b
	})
}

func TestLifetime(t *testing.T) {
	s := servers.StartNATS(t)
	for _, data := range []string{"", "keep", "drop"} {
		t.Run("data "+data, func(t *testing.T) {
			c := Config{URL: s.URL()}
			b := newBackend(t, c)
			empty(t, b)
			p := blobstore.New(b).AddType(Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
				return Open(config.(Config))
			})
			grants := workload.Grants{Blobstore: map[string]workload.StoreGrant{"default": {Type: "nats", Config: c, Data: data}}}
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

// TestReadable: NATS' own client reads what is put, and what it puts is read; nothing is left of objects that were replaced, were deleted or did not
// come to be.
func TestReadable(t *testing.T) {
	s := servers.StartNATS(t)
	b := newBackend(t, Config{URL: s.URL()})
	in := b.Store(ada)
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	cable := errors.New("cable pulled")
	_, failed := in.Put(t.Context(), "photos", "half", strings.NewReader("x"))
	if err := in.CreateContainer(t.Context(), "photos"); err != nil || !errors.Is(failed, blobstore.ErrNoSuchContainer) {
		t.Fatal(err, failed)
	}
	for range 3 {
		if _, err := in.Put(t.Context(), "photos", "a/cat.jpg", bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Put(t.Context(), "photos", "gone", bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Put(t.Context(), "photos", "half", io.MultiReader(bytes.NewReader(data), errReader{cable})); !errors.Is(err, cable) {
			t.Fatal(err)
		}
		if err := in.Delete(t.Context(), "photos", "gone", "half"); err != nil {
			t.Fatal(err)
		}
	}
	do(t, b, func(ctx context.Context, js jetstream.JetStream) error {
		store, err := js.ObjectStore(ctx, "vitrine__n__w__ada__photos")
		if err != nil {
			return err
		}
		got, err := store.GetBytes(ctx, "a/cat.jpg")
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		stream, err := js.Stream(ctx, "OBJ_vitrine__n__w__ada__photos")
		if err != nil {
			return err
		}
		if n, want := stream.CachedInfo().State.Msgs, uint64((len(data)+chunkSize-1)/chunkSize+1); n != want {
			t.Errorf("the stream has %d messages, want the %d of the one object", n, want)
		}
		_, err = store.PutString(ctx, "other", "of another program")
		return err
	})
	body, _, err := in.Open(t.Context(), "photos", "other", 3, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); string(got) != "another program" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_ = body.Close()
}

type errReader struct{ error }

func (e errReader) Read([]byte) (int, error) { return 0, e.error }

// TestRemade: an object whose container was deleted and made again while it was put is in neither.
func TestRemade(t *testing.T) {
	s := servers.StartNATS(t)
	in := newBackend(t, Config{URL: s.URL()}).Store(ada)
	if err := in.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	remake := readFunc(func() error {
		if err := in.DeleteContainer(t.Context(), "c"); err != nil {
			return err
		}
		return in.CreateContainer(t.Context(), "c")
	})
	_, err := in.Put(t.Context(), "c", "o", io.MultiReader(bytes.NewReader(make([]byte, 2*chunkSize)), remake, strings.NewReader("end")))
	if !errors.Is(err, blobstore.ErrNoSuchContainer) {
		t.Errorf("%v", err)
	}
	if _, err := in.Stat(t.Context(), "c", "o"); !errors.Is(err, blobstore.ErrNoSuchObject) {
		t.Errorf("%v", err)
	}
}

// readFunc is called where an empty reader is read.
type readFunc func() error

func (f readFunc) Read([]byte) (int, error) {
	if err := f(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// TestKilled: what was acknowledged is there after the server was killed. While it is down, calls fail and do not wait long; when it is
// up again they succeed, with nothing done here.
func TestKilled(t *testing.T) {
	s := servers.StartNATS(t)
	in := newBackend(t, Config{URL: s.URL()}).Store(ada)
	if err := in.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	servers.Killed(t, s, 100,
		func(n int) error {
			_, err := in.Put(t.Context(), "c", strconv.Itoa(n), strings.NewReader("v"+strconv.Itoa(n)))
			return err
		},
		func() error {
			_, err := in.Stat(t.Context(), "c", "0")
			if !errors.Is(err, natsconn.ErrDown) {
				t.Errorf("a call of a server that is down: %v", err)
			}
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

// TestNames: names that are too long are errors without the name, and no object has one.
func TestNames(t *testing.T) {
	s := servers.StartNATS(t)
	in := newBackend(t, Config{URL: s.URL()}).Store(ada)
	long := strings.Repeat("planted", 500)
	if err := in.CreateContainer(t.Context(), long); err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("%v", err)
	}
	if err := in.CreateContainer(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Put(t.Context(), "c", long, strings.NewReader("x")); err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("%v", err)
	}
	if _, err := in.Stat(t.Context(), "c", long); !errors.Is(err, blobstore.ErrNoSuchObject) {
		t.Errorf("%v", err)
	}
	if err := in.Delete(t.Context(), "c", long); err != nil {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"", "%", "%%", "%a", strings.Repeat("n", maxName)} {
		if _, err := in.Put(t.Context(), "c", name, strings.NewReader(name)); err != nil {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if page, err := in.List(t.Context(), "c", ""); err != nil || len(page.Names) != 5 {
		t.Errorf("%.100q, %v", page.Names, err)
	}
}
