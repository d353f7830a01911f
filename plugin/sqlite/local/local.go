// Package local keeps SQLite databases in files, and in memory.
//
// Statements are a guest's, and SQLite is a large program in C. So it is one that was compiled to WebAssembly and translated to Go: each
// connection has a memory of its own, which is bounded, and no statement can reach another's. What a statement may name is checked when it
// is compiled (authorizer.go).
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3/vfs/memdb"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Bounds of a database and its connections.
const (
	DefaultSize    = 1 << 30  // of a file, in bytes
	DefaultMemory  = 64 << 20 // of a database in memory, in bytes
	maxConnections = 64       // at once, for all components that share a database
	maxHeap        = 64 << 20 // of a connection, in bytes
	maxLength      = 16 << 20 // of a text, a blob, a row, and a statement, in bytes
	busyTimeout    = 5 * time.Second
	pageSize       = 4096
)

// Config is what a grant says: {file: data.db}, or {file: {path: data.db, size: 10Gi}}.
type Config struct {
	Path string `yaml:"path" required:"true" path:"true" short:"true" minLength:"1" doc:"The file, from the manifest's folder; it is made if it is missing, its folder is not. Files beside it with its name and -wal or -shm belong to it."`
	Size string `yaml:"size" doc:"How large the file may get; default 1Gi."`
}

// Type describes files to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "file", Doc: "An SQLite file.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) {
	if size := config.(Config).Size; size != "" {
		if _, err := workload.ParseSize(size); err != nil {
			return "size", err.Error()
		}
	}
	return "", ""
}

// File is a backend with one database, for all of its owners and under every name. Other programs may use the file, too.
type File struct {
	connections pool
}

var (
	_ sqlite.Backend     = (*File)(nil)
	_ backend.Persistent = (*File)(nil)
	_ backend.Pinger     = (*File)(nil)
)

// OpenFile opens a file, and makes it if it is missing.
func OpenFile(ctx context.Context, c Config) (*File, error) {
	size := uint64(DefaultSize)
	if c.Size != "" {
		var err error
		if size, err = workload.ParseSize(c.Size); err != nil {
			return nil, fmt.Errorf("size: %w", err)
		}
	}
	// modeof gives the log beside the file the same rights.
	uri := url.URL{
		Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(c.Path)}).EscapedPath(), RawQuery: "modeof=" + strings.ReplaceAll(url.QueryEscape(c.Path), "+", "%20"),
	}
	f := &File{pool{uri: uri.String(), path: c.Path, size: size, setup: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"}}
	if err := private(c.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder %s does not exist; make it", filepath.Dir(c.Path))
	} else if err != nil {
		return nil, err
	}
	conn, err := f.connections.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return f, conn.Close()
}

// private makes a file for its owner alone, if there is none.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Persistent implements backend.Persistent.
func (*File) Persistent() bool { return true }

// Open implements sqlite.Backend.
func (f *File) Open(ctx context.Context, _ sqlite.Owner, _ string) (sqlite.Conn, error) {
	return open(ctx, &f.connections)
}

// Ping implements backend.Pinger.
func (f *File) Ping(ctx context.Context) error { return f.connections.ask(ctx) }

// Close closes the file.
func (f *File) Close() error { return f.connections.close() }

func open(ctx context.Context, p *pool) (sqlite.Conn, error) {
	c, err := p.get(ctx)
	if err != nil {
		return nil, err // no *conn that is nil in an interface
	}
	return c, nil
}

// Memory is a backend that keeps databases in memory, one for each owner and name.
type Memory struct {
	size uint64
	id   string // of this Memory, among those of the process

	mu        sync.Mutex
	databases map[place]*database
	last      int
}

// memories counts those of the process: what is in memory has names, which two of them must not share.
var memories atomic.Uint64

type place struct {
	owner sqlite.Owner
	name  string
}

type database struct {
	file string // its name among those in memory
	pool
}

var (
	_ sqlite.Backend  = (*Memory)(nil)
	_ backend.Dropper = (*Memory)(nil)
)

// NewMemory makes a backend whose databases may have so many bytes each; 0 stands for [DefaultMemory].
func NewMemory(size uint64) *Memory {
	return &Memory{size: cmp.Or(size, DefaultMemory), id: strconv.FormatUint(memories.Add(1), 10), databases: map[place]*database{}}
}

// Name is the backend's name in grants.
func (*Memory) Name() string { return "memory" }

// Open implements sqlite.Backend.
func (m *Memory) Open(ctx context.Context, owner sqlite.Owner, name string) (sqlite.Conn, error) {
	m.mu.Lock()
	db := m.databases[place{owner, name}]
	if db == nil {
		m.last++
		file := "vitrine-" + m.id + "-" + strconv.Itoa(m.last)
		db = &database{file, pool{uri: "file:/" + file + "?vfs=memdb", size: m.size}}
		memdb.Create(file, nil)
		m.databases[place{owner, name}] = db
	}
	m.mu.Unlock()
	return open(ctx, &db.pool)
}

// Drop implements backend.Dropper.
func (m *Memory) Drop(owner sqlite.Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, db := range m.databases {
		if at.owner == owner {
			_ = db.close() // nobody is left to be told
			memdb.Delete(db.file)
			delete(m.databases, at)
		}
	}
}
