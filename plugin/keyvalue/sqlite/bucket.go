package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// statements are prepared once for all connections.
type statements struct {
	get, exists, current, list *sql.Stmt // of the connections that read
	set, remove                *sql.Stmt
}

// setQuery gives each state of a key a version of its own: a random number, which needs no counter that all writes would have to change.
const (
	setQuery = `INSERT INTO entries (bucket, key, value, version) VALUES (?, ?, ?, random())
		ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value, version = excluded.version RETURNING version`
	currentQuery = "SELECT value, version FROM entries WHERE bucket = ? AND key = ?"
	removeQuery  = "DELETE FROM entries WHERE bucket = ? AND key = ?"
)

func (s *statements) prepare(ctx context.Context, read, write *sql.DB) error {
	for _, p := range []struct {
		to    **sql.Stmt
		db    *sql.DB
		query string
	}{
		{&s.get, read, "SELECT value FROM entries WHERE bucket = ? AND key = ?"},
		{&s.exists, read, "SELECT count(*) FROM entries WHERE bucket = ? AND key = ?"},
		{&s.current, read, currentQuery},
		{&s.list, read, "SELECT id, key FROM entries WHERE bucket = ? AND id > ? ORDER BY id LIMIT ?"},
		{&s.set, write, setQuery},
		{&s.remove, write, removeQuery},
	} {
		var err error
		if *p.to, err = p.db.PrepareContext(ctx, p.query); err != nil {
			return known(err)
		}
	}
	return nil
}

// bucket is a component's bucket of one name.
type bucket struct {
	in *Backend
	id int64
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, bool, error) {
	var value []byte
	err := b.in.statements.get.QueryRowContext(ctx, b.id, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return value, err == nil, known(err)
}

func (b *bucket) GetMany(ctx context.Context, keys []string) ([]keyvalue.Found, error) {
	values := make([]keyvalue.Found, len(keys))
	for i, k := range keys {
		var err error
		if values[i].Value, values[i].OK, err = b.Get(ctx, k); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (b *bucket) Exists(ctx context.Context, key string) (bool, error) {
	var n int
	err := b.in.statements.exists.QueryRowContext(ctx, b.id, key).Scan(&n)
	return n > 0, known(err)
}

func (b *bucket) Set(ctx context.Context, key string, value []byte) error {
	_, err := set(b.in.statements.set.QueryRowContext(ctx, b.id, key, blob(value)))
	return err
}

// blob is a value as SQLite takes it: nil would be NULL.
func blob(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// set reads the version that setQuery returns.
func set(row *sql.Row) (version int64, err error) {
	err = known(row.Scan(&version))
	return version, err
}

// SetMany sets all or nothing.
func (b *bucket) SetMany(ctx context.Context, entries []keyvalue.Entry) error {
	return b.in.transaction(ctx, func(tx *sql.Tx) error {
		stmt := tx.StmtContext(ctx, b.in.statements.set)
		for _, e := range entries {
			if _, err := set(stmt.QueryRowContext(ctx, b.id, e.Key, blob(e.Value))); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	_, err := b.in.statements.remove.ExecContext(ctx, b.id, key)
	return known(err)
}

// DeleteMany deletes all or nothing.
func (b *bucket) DeleteMany(ctx context.Context, keys []string) error {
	return b.in.transaction(ctx, func(tx *sql.Tx) error {
		remove := tx.StmtContext(ctx, b.in.statements.remove)
		for _, k := range keys {
			if _, err := remove.ExecContext(ctx, b.id, k); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bucket) List(ctx context.Context, cursor string) (keyvalue.Page, error) {
	var after int64
	if cursor != "" {
		var err error
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil || after < 0 {
			return keyvalue.Page{}, fmt.Errorf("%.40q: %w", cursor, keyvalue.ErrCursor)
		}
	}
	rows, err := b.in.statements.list.QueryContext(ctx, b.id, after, keysPage+1)
	if err != nil {
		return keyvalue.Page{}, known(err)
	}
	defer rows.Close()
	var page keyvalue.Page
	for rows.Next() {
		if len(page.Keys) == keysPage {
			page.Next = strconv.FormatInt(after, 10)
			break
		}
		var key string
		if err := rows.Scan(&after, &key); err != nil {
			return keyvalue.Page{}, known(err)
		}
		page.Keys = append(page.Keys, key)
	}
	return page, known(rows.Err())
}

func (b *bucket) Increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	var sum uint64
	err := b.in.transaction(ctx, func(tx *sql.Tx) error {
		now, err := current(tx.QueryRowContext(ctx, currentQuery, b.id, key))
		if err != nil {
			return err
		}
		var n uint64
		if now.Version != "" {
			if n, err = strconv.ParseUint(string(now.Value), 10, 64); err != nil {
				return keyvalue.ErrNotNumber
			}
		}
		if sum = n + delta; sum < n {
			return keyvalue.ErrOverflow
		}
		_, err = set(tx.QueryRowContext(ctx, setQuery, b.id, key, strconv.AppendUint(nil, sum, 10)))
		return err
	})
	return sum, err
}

func (b *bucket) Current(ctx context.Context, key string) (keyvalue.Versioned, error) {
	return current(b.in.statements.current.QueryRowContext(ctx, b.id, key))
}

// current reads what currentQuery returns.
func current(row *sql.Row) (keyvalue.Versioned, error) {
	var value []byte
	var version int64
	err := row.Scan(&value, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return keyvalue.Versioned{}, nil
	}
	if err != nil {
		return keyvalue.Versioned{}, known(err)
	}
	return keyvalue.Versioned{Value: value, Version: versionOf(version)}, nil
}

func (b *bucket) Swap(ctx context.Context, key string, version keyvalue.Version, value []byte) (swapped bool, now keyvalue.Versioned, err error) {
	err = b.in.transaction(ctx, func(tx *sql.Tx) error {
		var err error
		if now, err = current(tx.QueryRowContext(ctx, currentQuery, b.id, key)); err != nil || now.Version != version {
			return err
		}
		n, err := set(tx.QueryRowContext(ctx, setQuery, b.id, key, blob(value)))
		if err == nil {
			swapped, now = true, keyvalue.Versioned{Value: append([]byte(nil), value...), Version: versionOf(n)}
		}
		return err
	})
	return swapped, now, err
}
