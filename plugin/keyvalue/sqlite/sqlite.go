// Package sqlite is a backend that keeps buckets in an SQLite file. What was acknowledged survives the end of the process, and,
// where the disk keeps its promises, that of the machine.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/driver" // by the name sqlite3

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {sqlite: data.db}, or {sqlite: {file: data.db, size: 10Gi}}.
type Config struct {
	File string `yaml:"file" required:"true" path:"true" short:"true" minLength:"1" doc:"The file, from the manifest's folder; it is made if it is missing, its folder is not. Files beside it with its name and -wal or -shm belong to it."`
	Size string `yaml:"size" doc:"How large the file may get; default 1Gi."`
	// MakeFolder has Open make the file's folder if it is missing, for its owner alone.
	MakeFolder bool `yaml:"-"`
}

// StateFile is the name of the file that serves grants without a backend, in the program's state folder.
const StateFile = "key-value.db"

// DefaultSize is how large a file may get, in bytes.
const DefaultSize = 1 << 30

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "sqlite", Doc: "An SQLite file.", Config: Config{}, Check: check, State: func(folder string) any {
		return Config{File: filepath.Join(folder, StateFile), MakeFolder: true}
	}}
}

func check(config any) (key, problem string) {
	if size := config.(Config).Size; size != "" {
		if _, err := workload.ParseSize(size); err != nil {
			return "size", err.Error()
		}
	}
	return "", ""
}

const (
	pageSize = 4096 // of the file
	keysPage = 100  // keys of a page of List
	readers  = 4    // connections that read at once
	version  = 1    // of the tables
)

// tables: a bucket's keys are listed by id, so that cursors are numbers and stay valid while keys come and go.
const tables = `
CREATE TABLE IF NOT EXISTS buckets (
	id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, workload TEXT NOT NULL, component TEXT NOT NULL, name TEXT NOT NULL,
	UNIQUE (namespace, workload, component, name));
CREATE TABLE IF NOT EXISTS entries (
	id INTEGER PRIMARY KEY AUTOINCREMENT, bucket INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL,
	UNIQUE (bucket, key));
CREATE INDEX IF NOT EXISTS listing ON entries (bucket, id);
PRAGMA user_version = 1;`

// Backend implements keyvalue.Backend. Its buckets implement all optional interfaces. Several processes may use one file.
type Backend struct {
	file        string
	write, read *sql.DB
	statements  statements

	mu  sync.Mutex
	ids map[place]int64
}

// place is a bucket's.
type place struct {
	owner keyvalue.Owner
	name  string
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

// Open opens a file, and makes it if it is missing. The backend must be closed.
func Open(ctx context.Context, c Config) (*Backend, error) {
	size := uint64(DefaultSize)
	if c.Size != "" {
		var err error
		if size, err = workload.ParseSize(c.Size); err != nil {
			return nil, fmt.Errorf("size: %w", err)
		}
	}
	if c.MakeFolder {
		if err := os.MkdirAll(filepath.Dir(c.File), 0o700); err != nil {
			return nil, fmt.Errorf("the folder for the data cannot be made: %v; choose another with --state-dir", err)
		}
	}
	// The file is made here, for its owner alone, and what its connections share; SQLite gives the log the same rights (modeof).
	for _, name := range []string{c.File, c.File + "-shm"} {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("the folder %s does not exist; make it", filepath.Dir(c.File))
		case err != nil:
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	var err error
	b := &Backend{file: c.File, ids: map[place]int64{}}
	if b.write, err = connect(c.File, 1, "journal_mode(WAL)", "synchronous(FULL)", fmt.Sprintf("max_page_count(%d)", max(size/pageSize, 16))); err != nil {
		return nil, err
	}
	if b.read, err = connect(c.File, readers, "query_only(1)"); err != nil {
		return nil, errors.Join(err, b.write.Close())
	}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.File, err), b.Close())
	}
	return b, nil
}

// connect makes a pool of connections. They wait for other processes for five seconds at most.
func connect(file string, most int, pragmas ...string) (*sql.DB, error) {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(5000)"}, pragmas...), "modeof": {file}}
	path := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20")}
	db, err := sql.Open("sqlite3", path.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

func (b *Backend) prepare(ctx context.Context) error {
	var found int
	if err := b.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&found); err != nil {
		return known(err)
	}
	if found > version {
		return fmt.Errorf("the file was made by a newer version of this program (tables %d, want %d)", found, version)
	}
	if found < version {
		if _, err := b.write.ExecContext(ctx, tables); err != nil {
			return known(err)
		}
	}
	return b.statements.prepare(ctx, b.read, b.write)
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "sqlite" }

// Persistent implements backend.Persistent.
func (*Backend) Persistent() bool { return true }

// Ping implements backend.Pinger.
func (b *Backend) Ping(ctx context.Context) error {
	var n int
	return known(b.read.QueryRowContext(ctx, "SELECT count(*) FROM buckets").Scan(&n))
}

// Close closes the file.
func (b *Backend) Close() error {
	return errors.Join(b.read.Close(), b.write.Close())
}

// Open implements keyvalue.Backend.
func (b *Backend) Open(ctx context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := place{owner, name}
	id, ok := b.ids[at]
	if !ok {
		args := []any{owner.Namespace, owner.Workload, owner.Component, name}
		if _, err := b.write.ExecContext(ctx, "INSERT OR IGNORE INTO buckets (namespace, workload, component, name) VALUES (?, ?, ?, ?)", args...); err != nil {
			return nil, known(err)
		}
		err := b.write.QueryRowContext(ctx, "SELECT id FROM buckets WHERE namespace = ? AND workload = ? AND component = ? AND name = ?", args...).Scan(&id)
		if err != nil {
			return nil, known(err)
		}
		b.ids[at] = id
	}
	return &bucket{b, id}, nil
}

// Drop implements backend.Dropper.
func (b *Backend) Drop(owner keyvalue.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := range b.ids {
		if at.owner == owner {
			delete(b.ids, at)
		}
	}
	// An error leaves the data to the next workload of the name, whose last binding drops it again.
	_ = b.transaction(context.Background(), func(tx *sql.Tx) error {
		const mine = "namespace = ? AND workload = ? AND component = ?"
		for _, query := range []string{
			"DELETE FROM entries WHERE bucket IN (SELECT id FROM buckets WHERE " + mine + ")", "DELETE FROM buckets WHERE " + mine,
		} {
			if _, err := tx.Exec(query, owner.Namespace, owner.Workload, owner.Component); err != nil {
				return err
			}
		}
		return nil
	})
}

// transaction runs f in a transaction that may write, alone.
func (b *Backend) transaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := b.write.BeginTx(ctx, nil)
	if err != nil {
		return known(err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // err says more
		return known(err)
	}
	return known(tx.Commit())
}

// known names an error that guests are told.
func known(err error) error {
	switch {
	case errors.Is(err, sqlite3.FULL):
		return fmt.Errorf("%w: %w", keyvalue.ErrFull, err)
	case errors.Is(err, sqlite3.NOTADB):
		return &backend.DownError{Reason: workload.BackendStorage, Err: fmt.Errorf("the file is no SQLite database: %w", err)}
	case errors.Is(err, sqlite3.IOERR), errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.READONLY):
		return &backend.DownError{Reason: workload.BackendStorage, Err: err}
	}
	return err
}

// versionOf is the version of an entry.
func versionOf(n int64) keyvalue.Version { return keyvalue.Version(strconv.FormatInt(n, 10)) }
