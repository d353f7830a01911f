package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// Config of Open.
type Config struct {
	// Dir is where the segments are, made with the rights 0700 if it is not there. Empty: a temporary folder that Close removes.
	Dir string
	// MaxBytes is how much the segments may take together; 0: 256 MiB. MaxAge is how old a segment may become; 0: 24 hours. MaxTraces
	// bounds the traces of which memory has summaries, about 150 bytes each; 0: 250 000. What is oldest goes first.
	MaxBytes  int64
	MaxAge    time.Duration
	MaxTraces int
	// Now is the time; nil: the system's.
	Now func() time.Time
}

// ErrInUse says that another process writes the folder.
var ErrInUse = errors.New("another process keeps its telemetry there")

// Store is an open folder. Safe for concurrent use.
type Store struct {
	cfg       Config
	temporary bool
	lock      *sqlite3.Conn
	run       int64

	contentTime time.Duration // bounds the time in which a query looks into spans

	write   sync.Mutex // held by Append
	current *segment
	next    int
	chunks  map[TraceID]*chunk // reused
	free    []*chunk

	mu       sync.RWMutex
	segments []*segment // the oldest first
	index    *index
	changed  chan struct{}
	evicted  int64 // traces
	marks    []Mark
	logs     uint64
	closed   bool
	problem  Problem

	damaged, newer int // files that were not read when the folder was opened

	saving sync.Mutex // held by who writes the file of marks
}

// Problem is why a store cannot be written. The zero value is none.
type Problem struct {
	Text  string
	Since int64 // of the first time, in nanoseconds since 1970
}

// errNewer says that a newer version of the program has written a segment.
var errNewer = errors.New("a newer version has written it")

// Open opens a folder, or makes it. It fails with [ErrInUse] if another process has it.
func Open(ctx context.Context, cfg Config) (_ *Store, err error) {
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 256<<20)
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 24*time.Hour)
	cfg.MaxTraces = cmp.Or(cfg.MaxTraces, 250_000)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{cfg: cfg, run: cfg.Now().UnixNano(), contentTime: contentTime, index: newIndex(), changed: make(chan struct{}), chunks: map[TraceID]*chunk{}}
	if cfg.Dir == "" {
		if s.cfg.Dir, err = os.MkdirTemp("", "vitrine-view-"); err != nil {
			return nil, err
		}
		s.temporary = true
	} else if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	names, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return err
	}
	for _, n := range names { // by name, and so by time
		run, seq, ok := parseSegmentName(n.Name())
		if !ok {
			continue
		}
		seg := &segment{path: filepath.Join(s.cfg.Dir, n.Name()), run: run, seq: seq, begun: time.Unix(0, run), known: map[int64]*Source{}}
		if err := s.load(ctx, seg); err != nil {
			if ctx.Err() != nil {
				return errors.Join(ctx.Err(), seg.close())
			}
			if errors.Is(err, errNewer) { // the newer program that has written it will read it again
				s.newer++
				if err := seg.close(); err != nil {
					return err
				}
				continue
			}
			s.damaged++
			if err := seg.remove(); err != nil { // or one of an older version
				return err
			}
			continue
		}
		s.segments = append(s.segments, seg)
		s.run = max(s.run, run+1)
	}
	s.retain(s.cfg.Now())
	return s.loadMarks(s.cfg.Now())
}

// acquire locks the folder for this process. The lock is SQLite's, and ends with the process however that ends.
func (s *Store) acquire(ctx context.Context) (err error) {
	if s.lock, err = sqlite3.OpenContext(ctx, fileURI(filepath.Join(s.cfg.Dir, "lock"))); err != nil {
		return err
	}
	s.lock.SetInterrupt(context.Background())
	err = s.lock.Exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
	if errors.Is(err, sqlite3.BUSY) {
		return fmt.Errorf("%s: %w", s.cfg.Dir, ErrInUse)
	}
	return err
}

// load reads a segment's summaries.
func (s *Store) load(ctx context.Context, seg *segment) error {
	version := 0
	err := seg.query(ctx, "PRAGMA user_version", nil, func(st *sqlite3.Stmt) (bool, error) { version = st.ColumnInt(0); return false, nil })
	if err == nil && version > schemaVersion {
		return errNewer
	}
	if err != nil || version != schemaVersion {
		return errors.Join(err, fmt.Errorf("version %d", version))
	}
	var p part
	err = seg.query(ctx, "SELECT id, trace, start, stop, spans, errors, name, service, services, status, rank, head FROM chunk ORDER BY id", nil, func(st *sqlite3.Stmt) (bool, error) {
		copy(p.trace[:], st.ColumnRawBlob(1))
		rank := st.ColumnInt(10)
		p = part{p.trace, st.ColumnInt64(2), st.ColumnInt64(3), st.ColumnInt(4), st.ColumnInt(5), st.ColumnText(6), st.ColumnText(7),
			st.ColumnText(8), st.ColumnInt(9), uint8(rank & 3), rank&4 != 0, st.ColumnInt64(11)}
		s.index.add(&p, place{seg, st.ColumnInt64(0)})
		seg.chunks++
		return true, nil
	})
	seg.size = seg.bytes()
	if info, e := os.Stat(seg.path); e == nil {
		seg.last = info.ModTime().UnixNano()
	}
	if err != nil {
		s.index.forget(seg)
	}
	return err
}

// Close ends the store. What was appended stays, unless the folder is a temporary one.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.changed)
	var errs []error
	if s.current != nil {
		errs = append(errs, s.current.finish())
	}
	for _, seg := range s.segments {
		errs = append(errs, seg.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if s.temporary {
		errs = append(errs, os.RemoveAll(s.cfg.Dir))
	}
	return errors.Join(errs...)
}

// Bounds of a segment: it is full at any of them.
const (
	segmentsOfBytes  = 8 // the least number of segments that MaxBytes and MaxTraces are divided into
	segmentsOfTraces = 10
	segmentAge       = time.Hour
)

// chunk is the spans of one trace in a batch.
type chunk struct {
	part
	names []string // of services
	body  []byte
}

// Append stores a batch, all of it or, with an error, nothing. A store that could not be written tries with each batch, and goes on when it can.
func (s *Store) Append(b *Batch) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed {
		return errors.New("the store is closed")
	}
	err := s.append(b)
	s.tell(err)
	return err
}

// tell keeps why the store cannot be written, or that it can.
func (s *Store) tell(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch now := s.cfg.Now(); {
	case err == nil:
		s.problem = Problem{}
		return
	case s.problem.Since == 0:
		s.problem.Since = now.UnixNano()
		fallthrough
	default:
		s.problem.Text = err.Error()
		s.retain(now) // which may make room
	}
	s.notify()
}

// notify wakes who waits for changes; s.mu is held.
func (s *Store) notify() {
	if s.closed {
		return
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) append(b *Batch) error {
	if s.current == nil {
		s.next++
		seg, err := create(context.Background(), s.cfg.Dir, s.run, s.next, s.cfg.Now())
		if err != nil {
			return fmt.Errorf("make a segment: %w", err)
		}
		s.current = seg
		s.mu.Lock()
		s.segments = append(s.segments, seg)
		s.mu.Unlock()
	}
	seg := s.current
	made, err := s.commit(seg, b)
	if err != nil {
		clear(seg.sources) // some of them may have been rolled back
		s.recycle()
		if !errors.Is(err, sqlite3.FULL) { // the file may be damaged, or gone: the next batch gets another
			s.current = nil
			_ = seg.finish() // which may fail for the same reason
		}
		return err
	}
	now := s.cfg.Now()
	s.mu.Lock()
	for _, m := range made {
		s.index.add(&m.chunk.part, place{seg, m.row})
	}
	s.logs += uint64(len(b.Logs))
	seg.chunks += len(made)
	seg.size, seg.last = seg.bytes(), now.UnixNano()
	s.notify()
	s.mu.Unlock()
	s.recycle()
	if seg.size >= s.cfg.MaxBytes/segmentsOfBytes || seg.chunks >= s.cfg.MaxTraces/segmentsOfTraces || now.Sub(seg.begun) >= min(segmentAge, s.cfg.MaxAge/4) {
		s.current = nil
		_ = seg.finish() // the log beside it stays if it cannot be merged, and is read with it
	}
	s.mu.Lock()
	if s.current == nil {
		seg.size = seg.bytes() // without the log beside it, which was merged into it
	}
	s.retain(now)
	s.mu.Unlock()
	return nil
}

// commit inserts a batch in one transaction.
func (s *Store) commit(seg *segment, b *Batch) (made []madeChunk, err error) {
	if err := seg.db.Exec("BEGIN"); err != nil {
		return nil, err
	}
	if made, err = s.insert(seg, b); err == nil {
		err = seg.db.Exec("COMMIT")
	}
	if err != nil && !seg.db.GetAutocommit() {
		if e := seg.db.Exec("ROLLBACK"); e != nil {
			err = errors.Join(e, err)
		}
	}
	return made, err
}

type madeChunk struct {
	chunk *chunk
	row   int64
}

func (s *Store) insert(seg *segment, b *Batch) (made []madeChunk, err error) {
	ids := make([]int64, len(b.Sources))
	for i := range b.Sources {
		if ids[i], err = seg.sourceID(&b.Sources[i]); err != nil {
			return nil, err
		}
	}
	for i := range b.Spans {
		s.collect(&b.Spans[i], &b.Sources[b.Spans[i].Source], ids[b.Spans[i].Source])
	}
	inOrder := slices.SortedFunc(maps.Values(s.chunks), func(a, b *chunk) int { return cmp.Compare(a.start, b.start) })
	for _, c := range inOrder {
		slices.Sort(c.names)
		c.services = strings.Join(slices.Compact(c.names), "\n")
		row, err := seg.insertChunk(c)
		if err != nil {
			return nil, err
		}
		made = append(made, madeChunk{c, row})
	}
	for i := range b.Logs {
		l := &b.Logs[i]
		if err := seg.insertLog(l, ids[l.Source], b.Sources[l.Source].Service); err != nil {
			return nil, err
		}
	}
	for i := range b.Points {
		p := &b.Points[i]
		if err := seg.insertPoint(p, ids[p.Source], b.Sources[p.Source].Service); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// collect adds a span to the chunk of its trace.
func (s *Store) collect(sp *Span, src *Source, id int64) {
	c := s.chunks[sp.Trace]
	if c == nil {
		if n := len(s.free); n > 0 {
			c, s.free = s.free[n-1], s.free[:n-1]
		} else {
			c = &chunk{}
		}
		*c = chunk{part: part{trace: sp.Trace, start: sp.Start, end: sp.End}, names: c.names[:0], body: c.body[:0]}
		s.chunks[sp.Trace] = c
	}
	rank := uint8(rankChild)
	if sp.Parent == (SpanID{}) {
		rank = rankRoot
	}
	if c.spans == 0 || rank > c.rank || rank == c.rank && sp.Start < c.head {
		c.name, c.service, c.status, c.rank, c.failed, c.head = sp.Name, src.Service, sp.Status, rank, sp.Failed, sp.Start
	}
	c.start, c.end = min(c.start, sp.Start), max(c.end, sp.End)
	c.spans++
	if sp.Failed {
		c.errors++
	}
	if len(c.names) == 0 || c.names[len(c.names)-1] != src.Service {
		c.names = append(c.names, src.Service)
	}
	c.body = binary.AppendUvarint(c.body, uint64(id))
	c.body = binary.AppendUvarint(c.body, uint64(len(sp.Encoded)))
	c.body = append(c.body, sp.Encoded...)
}

// Bounds of the chunks that are kept for reuse.
const (
	keepChunks = 1024
	keepChunk  = 64 << 10 // bytes
)

func (s *Store) recycle() {
	for _, c := range s.chunks {
		if len(s.free) < keepChunks && cap(c.body) <= keepChunk {
			s.free = append(s.free, c)
		}
	}
	clear(s.chunks)
}

// retain removes what is too much or too old; s.mu is held, or nobody else has the store yet. The segment that is appended to stays.
func (s *Store) retain(now time.Time) {
	var size int64
	traces := 0
	for _, seg := range s.segments {
		size += seg.size
		traces += seg.chunks
	}
	for len(s.segments) > 0 && s.segments[0].db == nil {
		old := s.segments[0]
		if size <= s.cfg.MaxBytes && traces <= s.cfg.MaxTraces && now.Sub(time.Unix(0, old.last)) <= s.cfg.MaxAge {
			return
		}
		before := len(s.index.traces)
		s.index.forget(old)
		s.evicted += int64(before - len(s.index.traces))
		size, traces = size-old.size, traces-old.chunks
		_ = old.remove() // what cannot be removed now is found when the store is opened again
		s.segments = slices.Delete(s.segments, 0, 1)
	}
}

// Changed returns a channel that is closed with the next Append, also one that fails, or with Close.
func (s *Store) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Stats is what a store has.
type Stats struct {
	Dir              string
	Bytes, MaxBytes  int64
	MaxAge           time.Duration
	Traces, Segments int
	Evicted          int64 // traces that retention has removed since Open
	Run              int64 // when this run began, in nanoseconds since 1970
	Seq              uint64
	Logs             uint64 // log records appended since Open
	Damaged          int    // files that cannot be read; those that could not when the folder was opened are removed
	Newer            int    // files that a newer version has written: they stay, and are not read
	Problem          Problem
	Oldest           int64 // start of the oldest trace's first span, in nanoseconds since 1970; 0: none
}

// Stats returns what the store has now.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := Stats{Dir: s.cfg.Dir, MaxBytes: s.cfg.MaxBytes, MaxAge: s.cfg.MaxAge, Traces: len(s.index.traces), Segments: len(s.segments),
		Evicted: s.evicted, Damaged: s.damaged, Newer: s.newer, Problem: s.problem, Run: s.run, Seq: s.index.seq, Logs: s.logs}
	for _, seg := range s.segments {
		st.Bytes += seg.size
		if seg.damaged.Load() {
			st.Damaged++
		}
	}
	if s.index.oldest != 0 {
		st.Oldest = s.index.at(s.index.oldest).start
	}
	return st
}
