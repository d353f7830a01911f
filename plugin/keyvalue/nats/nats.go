// Package nats is a backend that keeps buckets in NATS: a key-value bucket of JetStream each, which the server writes to its disk. Keys that NATS
// does not allow are escaped; others are as they are, so that other programs can read them.
//
// A key that was deleted leaves a marker for [markerTime], which the server needs in order to tell other programs of it.
package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {nats: "nats://127.0.0.1:4222"}, or {nats: {url: …, credentials: nats.creds}}.
type Config = natsconn.Config

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "nats", Doc: "Key-value buckets of a NATS server, from version 2.11 on, with JetStream.", Config: Config{}, Check: func(config any) (key, problem string) {
		return config.(Config).Check()
	}}
}

const (
	markerTime = time.Hour
	maxKnown   = 10_000 // buckets that are known to be there
)

// Backend implements keyvalue.Backend. Its buckets implement [keyvalue.Incrementer] and [keyvalue.Swapper].
type Backend struct {
	server *natsconn.Conn

	mu    sync.Mutex
	known map[string]jetstream.KeyValue // by the buckets' names in NATS
}

var (
	_ keyvalue.Backend     = (*Backend)(nil)
	_ backend.Dropper      = (*Backend)(nil)
	_ backend.Persistent   = (*Backend)(nil)
	_ backend.Notifier     = (*Backend)(nil)
	_ keyvalue.Bucket      = (*bucket)(nil)
	_ keyvalue.Incrementer = (*bucket)(nil)
	_ keyvalue.Swapper     = (*bucket)(nil)
)

// Open makes a backend for a server, and connects to it in the background, for as long as it takes. It reads secrets at once. The backend must
// be closed.
func Open(c Config) (*Backend, error) {
	server, err := natsconn.Open(c)
	if err != nil {
		return nil, err
	}
	return &Backend{server: server, known: map[string]jetstream.KeyValue{}}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "nats" }

// Persistent implements backend.Persistent.
func (*Backend) Persistent() bool { return true }

// Notify implements backend.Notifier.
func (b *Backend) Notify(f func(err error)) (stop func()) { return b.server.Notify(f) }

// Close ends the connection.
func (b *Backend) Close() error { return b.server.Close() }

// Open implements keyvalue.Backend.
func (b *Backend) Open(ctx context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	in, err := natsconn.Bucket(owner, name)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	kv := b.known[in]
	b.mu.Unlock()
	if kv != nil {
		return &bucket{b, in, kv}, nil
	}
	err = b.server.Do(ctx, natsconn.CallTime, func(ctx context.Context, js jetstream.JetStream) (err error) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: in, Storage: jetstream.FileStorage, History: 1, LimitMarkerTTL: markerTime})
		if errors.Is(err, jetstream.ErrBucketExists) { // with another config: somebody has changed it
			kv, err = js.KeyValue(ctx, in)
		}
		return err
	})
	if err != nil {
		return nil, failure(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known) >= maxKnown {
		clear(b.known)
	}
	b.known[in] = kv
	return &bucket{b, in, kv}, nil
}

// forget has the next Open make a bucket that is not there any more.
func (b *Backend) forget(prefix string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name := range b.known {
		if strings.HasPrefix(name, prefix) {
			delete(b.known, name)
		}
	}
}

// streams is what the names of the streams of buckets begin with.
const streams = "KV_"

// Drop implements backend.Dropper.
func (b *Backend) Drop(owner keyvalue.Owner) {
	b.forget(natsconn.Prefix(owner))
	// An error leaves the data to the next workload of the name, whose last binding drops it again.
	_ = b.server.Do(context.Background(), natsconn.CallTime, func(ctx context.Context, js jetstream.JetStream) error {
		return natsconn.DropStreams(ctx, js, streams+natsconn.Prefix(owner))
	})
}

// escape is a key in the characters that NATS allows, with dots neither at an end nor side by side.
func escape(key string) string {
	return backend.Escape(key, '=', func(i int, c byte) bool {
		if c == '.' {
			return i > 0 && i < len(key)-1 && key[i-1] != '.'
		}
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '/'
	})
}

// maxKey bounds an escaped key, in bytes: a server's lines have 4096.
const maxKey = 3000

// keyOf is the key in NATS for any text.
func keyOf(key string) (string, error) {
	name := escape(key)
	if len(name) > maxKey {
		return "", fmt.Errorf("the key is too long for NATS: %d bytes when it is escaped, want %d at most", len(name), maxKey)
	}
	return name, nil
}

// failure names an error that guests are told.
func failure(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && (strings.Contains(api.Description, "maximum") || strings.Contains(api.Description, "insufficient")) {
		return fmt.Errorf("%w: %w", keyvalue.ErrFull, err)
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("the value is larger than the server's max_payload: %w", err)
	}
	return err
}
