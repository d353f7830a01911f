package nats

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// bucket is a component's bucket of one name. A version is a revision: its number in the stream, which no other state of a key ever has.
type bucket struct {
	of   *Backend
	name string // in NATS
	kv   jetstream.KeyValue
}

// call calls f on a key while there is a connection.
func (b *bucket) call(ctx context.Context, key string, f func(ctx context.Context, key string) error) error {
	key, err := keyOf(key)
	if err != nil {
		return err
	}
	return b.with(ctx, natsconn.CallTime, func(ctx context.Context, _ jetstream.JetStream) error { return f(ctx, key) })
}

func (b *bucket) with(ctx context.Context, limit time.Duration, f func(context.Context, jetstream.JetStream) error) error {
	return failure(b.of.server.Do(ctx, limit, func(ctx context.Context, js jetstream.JetStream) error {
		err := f(ctx, js)
		if err != nil && natsconn.NoStream(ctx, js, streams+b.name, err) {
			b.of.forget(b.name)
			return fmt.Errorf("somebody has deleted the bucket; it is made again when it is opened: %w", err)
		}
		return err
	}))
}

func (b *bucket) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	now, err := b.Current(ctx, key)
	return now.Value, now.Version != "" && err == nil, err
}

func (b *bucket) Set(ctx context.Context, key string, value []byte) error {
	return b.call(ctx, key, func(ctx context.Context, key string) error {
		_, err := b.kv.Put(ctx, key, value)
		return err
	})
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	return b.call(ctx, key, func(ctx context.Context, key string) error {
		return b.kv.Purge(ctx, key, jetstream.PurgeTTL(markerTime))
	})
}

const keysPage = 1000 // keys of a page of List

// List has the server send all keys for each page, since it has them in the order of their changes, which moves keys behind others. A cursor
// is the last key of a page.
func (b *bucket) List(ctx context.Context, cursor string) (keyvalue.Page, error) {
	prefix := "$KV." + b.name + "."
	keys := natsconn.Lowest{After: cursor, Most: keysPage}
	err := b.with(ctx, natsconn.ScanTime, func(ctx context.Context, js jetstream.JetStream) error {
		return natsconn.Scan(ctx, js, streams+b.name, prefix+">", true, func(m jetstream.Msg) {
			h := m.Headers()
			if h.Get(jetstream.MarkerReasonHeader) == "" && h.Get("KV-Operation") == "" { // it is no marker
				keys.Add(strings.TrimPrefix(m.Subject(), prefix))
			}
		})
	})
	if err != nil {
		return keyvalue.Page{}, err
	}
	var page keyvalue.Page
	names, more := keys.Page()
	for _, name := range names {
		if key, ok := backend.Unescape(name, '='); ok && escape(key) == name { // another program's key is none of the guest's
			page.Keys = append(page.Keys, key)
		}
	}
	if more {
		page.Next = names[len(names)-1]
	}
	return page, nil
}

// Current implements keyvalue.Swapper.
func (b *bucket) Current(ctx context.Context, key string) (now keyvalue.Versioned, err error) {
	err = b.call(ctx, key, func(ctx context.Context, key string) error {
		e, err := b.kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err == nil {
			now = versioned(e.Value(), e.Revision())
		}
		return err
	})
	return now, err
}

func versioned(value []byte, revision uint64) keyvalue.Versioned {
	return keyvalue.Versioned{Value: value, Version: keyvalue.Version(strconv.FormatUint(revision, 10))}
}

// Swap implements keyvalue.Swapper.
func (b *bucket) Swap(ctx context.Context, key string, version keyvalue.Version, value []byte) (swapped bool, now keyvalue.Versioned, err error) {
	var revision uint64
	if version != "" {
		if revision, err = strconv.ParseUint(string(version), 10, 64); err != nil || revision == 0 {
			now, err = b.Current(ctx, key) // no state has that version
			return false, now, err
		}
	}
	err = b.call(ctx, key, func(ctx context.Context, key string) error {
		var at uint64
		var err error
		if version == "" {
			at, err = b.kv.Create(ctx, key, value)
		} else {
			at, err = b.kv.Update(ctx, key, value, revision)
		}
		switch {
		case err == nil:
			swapped, now = true, versioned(value, at)
		case errors.Is(err, jetstream.ErrKeyExists):
			return nil
		}
		return err
	})
	if err != nil || swapped {
		return swapped, now, err
	}
	now, err = b.Current(ctx, key)
	return false, now, err
}

// maxTries bounds the swaps of an increment. That many fail only where the key is changed without end.
const maxTries = 1000

var errBusy = errors.New("others change the value all the time")

// Increment swaps until nobody has come between: the server does not count.
func (b *bucket) Increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	now, err := b.Current(ctx, key)
	for try := range maxTries {
		if err != nil {
			return 0, err
		}
		var n uint64
		if now.Version != "" {
			if n, err = strconv.ParseUint(string(now.Value), 10, 64); err != nil {
				return 0, keyvalue.ErrNotNumber
			}
		}
		sum := n + delta
		if sum < n {
			return 0, keyvalue.ErrOverflow
		}
		var swapped bool
		if swapped, now, err = b.Swap(ctx, key, now.Version, strconv.AppendUint(nil, sum, 10)); swapped {
			return sum, nil
		}
		if err == nil {
			err = pause(ctx, try)
		}
	}
	return 0, errBusy
}

// pause waits a little before the next try, longer each time, and never as long as others that wait.
func pause(ctx context.Context, try int) error {
	t := time.NewTimer(rand.N(time.Millisecond << min(try/4, 5)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
