package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// schemaVersion is PRAGMA user_version of segments. Of a folder's segments those of older versions are removed, those of newer ones are left alone.
const schemaVersion = 1

const schema = `
CREATE TABLE source(id INTEGER PRIMARY KEY, service TEXT NOT NULL, resource BLOB NOT NULL, scope BLOB NOT NULL) STRICT;
CREATE TABLE chunk(id INTEGER PRIMARY KEY, trace BLOB NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, spans INTEGER NOT NULL,
  errors INTEGER NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL, services TEXT NOT NULL, status INTEGER NOT NULL,
  rank INTEGER NOT NULL, head INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE log(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, severity INTEGER NOT NULL, trace BLOB, span BLOB, service TEXT NOT NULL,
  source INTEGER NOT NULL, text TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX log_trace ON log(trace) WHERE trace IS NOT NULL;
CREATE TABLE point(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL, source INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX point_name ON point(name, time);
PRAGMA user_version = 1;`

const setup = `PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 512;`

// busyTimeout bounds the wait of a reader for the writer.
const busyTimeout = 10 * time.Second

// segment is one file.
type segment struct {
	path  string
	run   int64 // when its run began, and where it is in its run: the parts of its name
	seq   int
	begun time.Time

	// Of the segment that is appended to; guarded by Store.write.
	db      *sqlite3.Conn
	insert  struct{ source, chunk, log, point *sqlite3.Stmt }
	sources map[string]int64 // by content

	mu     sync.Mutex // held by readers
	read   *sqlite3.Conn
	known  map[int64]*Source
	closed bool

	damaged atomic.Bool // a reader has found that it is

	number uint32 // of the index; 0: none of its rows are in it; guarded by Store.mu
	size   int64  // bytes, as of the last look; guarded by Store.mu
	chunks int    // rows; guarded by Store.mu
	last   int64  // when it was last appended to, in nanoseconds since 1970; guarded by Store.mu
}

func segmentName(run int64, seq int) string { return fmt.Sprintf("%019d-%06d.db", run, seq) }

func parseSegmentName(name string) (run int64, seq int, ok bool) {
	n, err := fmt.Sscanf(name, "%d-%d.db", &run, &seq)
	return run, seq, err == nil && n == 2 && segmentName(run, seq) == name
}

// create makes a segment to append to.
func create(ctx context.Context, dir string, run int64, seq int, now time.Time) (_ *segment, err error) {
	s := &segment{path: filepath.Join(dir, segmentName(run, seq)), run: run, seq: seq, begun: now, sources: map[string]int64{}, known: map[int64]*Source{}}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // the files beside it get the same rights
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil { // half a segment is of no use, and takes room
			_ = s.remove()
		}
	}()
	if s.db, err = sqlite3.OpenContext(ctx, fileURI(s.path)); err != nil {
		return nil, err
	}
	s.db.SetInterrupt(context.Background())
	if err := s.db.Exec(setup + schema); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	for text, to := range map[string]**sqlite3.Stmt{
		"INSERT INTO source(service, resource, scope) VALUES (?, ?, ?)":                                                                                       &s.insert.source,
		"INSERT INTO chunk(trace, start, stop, spans, errors, name, service, services, status, rank, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)": &s.insert.chunk,
		"INSERT INTO log(time, severity, trace, span, service, source, text, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)":                                           &s.insert.log,
		"INSERT INTO point(time, name, service, source, body) VALUES (?, ?, ?, ?, ?)":                                                                         &s.insert.point,
	} {
		if *to, _, err = s.db.Prepare(text); err != nil {
			return nil, errors.Join(err, s.db.Close())
		}
	}
	return s, nil
}

// finish ends appending: the log beside the file is merged into it.
func (s *segment) finish() error {
	if s.db == nil {
		return nil
	}
	var errs []error
	for _, st := range []*sqlite3.Stmt{s.insert.source, s.insert.chunk, s.insert.log, s.insert.point} {
		errs = append(errs, st.Close())
	}
	err := errors.Join(append(errs, s.db.Close())...)
	s.db = nil
	return err
}

// close ends reading; remove deletes the files, too.
func (s *segment) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.read == nil {
		return nil
	}
	err := s.read.Close()
	s.read = nil
	return err
}

func (s *segment) remove() error {
	err := s.close()
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if e := os.Remove(s.path + suffix); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// bytes is what the segment's files take.
func (s *segment) bytes() (n int64) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n
}

// errGone says that retention has removed a segment while somebody was about to read it, or that it is damaged: readers go on without it.
var errGone = errors.New("the segment is gone")

// bad marks the segment as damaged.
func (s *segment) bad(why error) error {
	s.damaged.Store(true)
	return fmt.Errorf("%w: %s is damaged: %w", errGone, filepath.Base(s.path), why)
}

// query runs a statement on the connection for reading and calls row for each of its rows, until that returns false.
func (s *segment) query(ctx context.Context, text string, bind func(*sqlite3.Stmt) error, row func(*sqlite3.Stmt) (more bool, err error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queryLocked(ctx, text, bind, row)
}

func (s *segment) queryLocked(ctx context.Context, text string, bind func(*sqlite3.Stmt) error, row func(*sqlite3.Stmt) (more bool, err error)) (err error) {
	if s.closed {
		return errGone
	}
	defer func() {
		if errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) {
			err = s.bad(err)
		}
	}()
	if s.read == nil {
		if s.read, err = sqlite3.OpenContext(ctx, fileURI(s.path)+"?mode=rw"); err != nil { // ro cannot make the file of shared memory
			s.read = nil
			return err
		}
		// The writer has the file for itself for a moment when it merges the log into it and closes.
		if err := errors.Join(s.read.BusyTimeout(busyTimeout), s.read.Exec("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048")); err != nil {
			err = errors.Join(err, s.read.Close())
			s.read = nil
			return err
		}
	}
	s.read.SetInterrupt(ctx)
	defer s.read.SetInterrupt(context.Background())
	st, _, err := s.read.Prepare(text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if bind != nil {
		if err := bind(st); err != nil {
			return err
		}
	}
	for st.Step() {
		if more, err := row(st); err != nil || !more {
			return err
		}
	}
	if err := st.Err(); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(s.path), err)
	}
	return nil
}

// source returns a row of table source; s.mu is held.
func (s *segment) source(ctx context.Context, id int64) (*Source, error) {
	if src := s.known[id]; src != nil {
		return src, nil
	}
	var src *Source
	err := s.queryLocked(ctx, "SELECT service, resource, scope FROM source WHERE id = ?", func(st *sqlite3.Stmt) error { return st.BindInt64(1, id) },
		func(st *sqlite3.Stmt) (bool, error) {
			src = &Source{Service: st.ColumnText(0), Resource: st.ColumnBlob(1, nil), Scope: st.ColumnBlob(2, nil)}
			return false, nil
		})
	if err == nil && src == nil {
		err = s.bad(fmt.Errorf("there is no source %d", id))
	}
	if err == nil {
		s.known[id] = src
	}
	return src, err
}

// spans appends the spans of rows of table chunk to out, until it has most.
func (s *segment) spans(ctx context.Context, rows []int64, most int, out []Record) ([]Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range rows {
		var body []byte
		err := s.queryLocked(ctx, "SELECT body FROM chunk WHERE id = ?", func(st *sqlite3.Stmt) error { return st.BindInt64(1, id) },
			func(st *sqlite3.Stmt) (bool, error) { body = st.ColumnBlob(0, nil); return false, nil })
		if err != nil {
			return out, err
		}
		for len(body) > 0 && len(out) < most {
			src, n := binary.Uvarint(body)
			length, m := binary.Uvarint(body[max(n, 0):])
			if n <= 0 || m <= 0 || length > uint64(len(body)-n-m) {
				return out, s.bad(fmt.Errorf("row %d is no list of spans", id))
			}
			from, err := s.source(ctx, int64(src))
			if err != nil {
				return out, err
			}
			out = append(out, Record{from, body[n+m:][:length]})
			body = body[n+m+int(length):]
		}
	}
	return out, nil
}

// fileURI is the URI of an SQLite file.
func fileURI(path string) string {
	var b []byte
	for _, c := range []byte(filepath.ToSlash(path)) {
		if c == '%' || c == '?' || c == '#' || c < ' ' {
			b = fmt.Appendf(b, "%%%02X", c)
			continue
		}
		b = append(b, c)
	}
	return "file:" + string(b)
}
