package keyvalue_test

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"
	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/redis"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// BenchmarkBackends compares a component's get and set of 100 bytes, from the host's call of the component to its result and back, with the
// same by the library that the backend uses, called by Go: a map, database/sql over SQLite with the same settings, go-redis.
func BenchmarkBackends(b *testing.B) {
	const key = "key-50"
	value := make([]byte, 100)
	server := servers.StartRedis(b)
	files := b.TempDir()
	for _, c := range []struct {
		name   string
		grant  workload.StoreGrant
		direct func(b *testing.B) (get, set func(context.Context) error)
	}{
		{"memory", workload.StoreGrant{Backend: "memory"}, func(*testing.B) (get, set func(context.Context) error) {
			m := map[string][]byte{}
			return func(context.Context) error { _ = slices.Clone(m[key]); return nil }, func(context.Context) error { m[key] = slices.Clone(value); return nil }
		}},
		{"sqlite", workload.StoreGrant{Type: "sqlite", Config: sqlite.Config{File: filepath.Join(files, "a.db")}, Data: "keep"}, func(b *testing.B) (get, set func(context.Context) error) {
			return sqliteCalls(b, filepath.Join(files, "b.db"), key, value)
		}},
		{"redis", workload.StoreGrant{Type: "redis", Config: redis.Config{URL: "redis://" + server.Addr}, Data: "keep"}, func(b *testing.B) (get, set func(context.Context) error) {
			client := goredis.NewClient(&goredis.Options{Addr: server.Addr})
			b.Cleanup(func() { client.Close() })
			return func(ctx context.Context) error { return client.HGet(ctx, "h", key).Err() }, func(ctx context.Context) error { return client.HSet(ctx, "h", key, value).Err() }
		}},
	} {
		get, set := c.direct(b)
		measure(b, c.name+"/set/direct", set)
		measure(b, c.name+"/get/direct", get)
		get, set = componentCalls(b, c.grant, key, value)
		measure(b, c.name+"/set/component", set)
		measure(b, c.name+"/get/component", get)
	}
}

// measure times each call, and reports the median besides the mean.
func measure(b *testing.B, name string, do func(context.Context) error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		var each []time.Duration
		for b.Loop() {
			began := time.Now()
			if err := do(b.Context()); err != nil {
				b.Fatal(err)
			}
			each = append(each, time.Since(began))
		}
		slices.Sort(each)
		b.ReportMetric(float64(each[len(each)/2].Nanoseconds()), "p50-ns")
	})
}

// sqliteCalls are those of a table with the settings of the backend's.
func sqliteCalls(b *testing.B, file, key string, value []byte) (get, set func(context.Context) error) {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	db, err := sql.Open("sqlite3", "file:"+file+"?"+query.Encode())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.Exec("CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	read, err := db.Prepare("SELECT value FROM t WHERE key = ?")
	if err != nil {
		b.Fatal(err)
	}
	write, err := db.Prepare("INSERT INTO t VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value")
	if err != nil {
		b.Fatal(err)
	}
	get = func(ctx context.Context) error {
		var v []byte
		return read.QueryRowContext(ctx, key).Scan(&v)
	}
	set = func(ctx context.Context) error {
		value[0]++ // SQLite does not write what is there already
		_, err := write.ExecContext(ctx, key, value)
		return err
	}
	return get, set
}

// componentCalls are those of a component that passes them on to the plugin, by wasi:keyvalue.
func componentCalls(b *testing.B, grant workload.StoreGrant, key string, value []byte) (get, set func(context.Context) error) {
	p := plugin().AddType(redis.Type(), func(_ context.Context, config any) (keyvalue.Backend, error) { return redis.New(config.(redis.Config)) })
	g := tested().Guest(b, functions.Engine(b), surface.KeyvalueDraft2, granted(p, grant))
	bucket := g.Call("ok", "store#open", "default")
	setName, getName := g.Export("store#[method]bucket.set"), g.Export("store#[method]bucket.get")
	set = func(ctx context.Context) error {
		_, err := g.Inst.Call(ctx, setName, bucket, key, value)
		return err
	}
	get = func(ctx context.Context) error {
		_, err := g.Inst.Call(ctx, getName, bucket, key)
		return err
	}
	return get, set
}
