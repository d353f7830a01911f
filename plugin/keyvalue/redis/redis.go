// Package redis is a backend that keeps buckets in Redis or Valkey: a hash a bucket, with the guest's keys as fields and plain values,
// so that other programs can read them. What was acknowledged survives as long as the server's own persistence says.
package redis

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/redisconn"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {redis: "redis://127.0.0.1:6379/0"}, or {redis: {url: …, password: {env: REDIS_PASSWORD}}}.
type Config struct {
	URL      string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server and the number of its database: redis://HOST:PORT/N, rediss://… with TLS, unix:///PATH?db=N. It has no password."`
	Username string          `yaml:"username" doc:"The user; default that of the URL, or the server's default."`
	Password workload.Secret `yaml:"password" doc:"Where the password is."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "redis", Doc: "A Redis or Valkey server.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) {
	return redisconn.Config(config.(Config)).Check()
}

// Backend implements keyvalue.Backend. Its buckets implement all optional interfaces.
type Backend struct {
	client *redis.Client

	mu    sync.Mutex
	known map[string]bool // the buckets that are in their owners' lists
}

var (
	_ keyvalue.Backend   = (*Backend)(nil)
	_ backend.Dropper    = (*Backend)(nil)
	_ backend.Persistent = (*Backend)(nil)
	_ backend.Pinger     = (*Backend)(nil)

	_ keyvalue.Bucket      = (*bucket)(nil)
	_ keyvalue.Batcher     = (*bucket)(nil)
	_ keyvalue.Exister     = (*bucket)(nil)
	_ keyvalue.Incrementer = (*bucket)(nil)
	_ keyvalue.Swapper     = (*bucket)(nil)
)

// New makes a backend for a server, and connects to it when it is needed. The backend must be closed.
func New(c Config) (*Backend, error) {
	client, err := redisconn.Config(c).Open()
	if err != nil {
		return nil, err
	}
	return &Backend{client: client, known: map[string]bool{}}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "redis" }

// Persistent implements backend.Persistent.
func (*Backend) Persistent() bool { return true }

// Ping implements backend.Pinger.
func (b *Backend) Ping(ctx context.Context) error { return failure(b.client.Ping(ctx).Err()) }

// Close closes the connections.
func (b *Backend) Close() error { return b.client.Close() }

// ownerKey is the set of an owner's buckets. The guest's names cannot lead out of it: they are escaped.
func ownerKey(o keyvalue.Owner) string {
	return "vitrine:" + url.PathEscape(o.Namespace) + "/" + url.PathEscape(o.Workload) + "/" + url.PathEscape(o.Component)
}

// bucketKeys are the keys of a bucket. The braces have a cluster keep them together, since scripts change them together.
func bucketKeys(o keyvalue.Owner, name string) []string {
	base := "vitrine:{" + strings.TrimPrefix(ownerKey(o), "vitrine:") + "/" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(url.PathEscape(name)) + "}"
	return []string{base, base + ":versions", base + ":order", base + ":changes"}
}

// Open implements keyvalue.Backend.
func (b *Backend) Open(ctx context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	in := &bucket{b.client, bucketKeys(owner, name)}
	b.mu.Lock()
	known := b.known[in.keys[values]]
	b.mu.Unlock()
	if known {
		return in, nil
	}
	if err := b.client.SAdd(ctx, ownerKey(owner), name).Err(); err != nil {
		return nil, failure(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known[in.keys[values]] = true
	return in, nil
}

// dropTime bounds Drop: a workload's end does not wait for a server that is down.
const dropTime = 5 * time.Second

// Drop implements backend.Dropper.
func (b *Backend) Drop(owner keyvalue.Owner) {
	ctx, cancel := context.WithTimeout(context.Background(), dropTime)
	defer cancel()
	// An error leaves the data to the next workload of the name, whose last binding drops it again.
	names, err := b.client.SMembers(ctx, ownerKey(owner)).Result()
	for _, name := range names {
		keys := bucketKeys(owner, name)
		err = errors.Join(err, b.client.Unlink(ctx, keys...).Err())
		b.mu.Lock()
		delete(b.known, keys[values])
		b.mu.Unlock()
	}
	if err == nil {
		_ = b.client.Del(ctx, ownerKey(owner)).Err()
	}
}

// failure names an error that guests are told, and one of a server that serves nothing.
func failure(err error) error {
	if err == nil {
		return nil
	}
	switch word, _, _ := strings.Cut(err.Error(), " "); word {
	case "OOM":
		return fmt.Errorf("%w: %w", keyvalue.ErrFull, err)
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "MISCONF":
		return &backend.DownError{Reason: workload.BackendUnavailable, Err: err}
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return &backend.DownError{Reason: workload.BackendDenied, Err: err}
	}
	return err
}
