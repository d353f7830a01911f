package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// large is a batch that takes some room.
func large(n, size int) *Batch {
	b := simple(n, time.Millisecond)
	b.Spans[0].Encoded = make([]byte, size)
	b.Logs = []Log{{Time: 1, Body: "a line", Encoded: []byte("x")}}
	return b
}

// TestDiskFull: while a disk has no room, batches fail, what is there can be read, and the store says why; when there is room again, it goes on.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, 4<<20)
	s := open(t, Config{Dir: filepath.Join(dir, "telemetry")})
	n := fill(t, s)
	p := s.Stats().Problem
	if p.Text == "" || p.Since == 0 {
		t.Errorf("the store says %+v", p)
	}
	if err := s.Mark(Mark{Name: "reload"}); err != nil && !strings.Contains(err.Error(), "keep marks") {
		t.Error(err)
	}
	if l := list(t, s, TraceQuery{Limit: 1}); l.Matched != n-1 || l.Traces[0].ID != traceID(n-1) {
		t.Errorf("%d traces are there, want %d", l.Matched, n-1)
	}
	if records, _, err := s.Trace(t.Context(), traceID(n-1), 9); err != nil || len(records) != 2 {
		t.Errorf("%d spans of the last trace, %v", len(records), err)
	}
	if err := os.Remove(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		add(t, s, large(n+i, 10<<10))
	}
	if st := s.Stats(); st.Problem != (Problem{}) || st.Traces != n+9 {
		t.Errorf("then %+v", st)
	}
}

// TestDiskFullFromTheStart: a store opens on a disk without any room, and goes on when there is some.
func TestDiskFullFromTheStart(t *testing.T) {
	dir := smallDisk(t, 2<<20)
	folder := filepath.Join(dir, "telemetry")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rest"), make([]byte, 2<<20), 0o600); err == nil {
		t.Fatal("the disk has room")
	}
	s := open(t, Config{Dir: folder})
	if err := s.Mark(Mark{Name: "start"}); err == nil {
		t.Error("there was room for a mark")
	}
	if err := s.Append(large(1, 1000)); err == nil {
		t.Error("there was room for a batch")
	}
	if p := s.Stats().Problem; p.Text == "" {
		t.Error("the store says nothing of it")
	}
	for _, name := range []string{"rest", "other"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	add(t, s, large(2, 1000))
	if st := s.Stats(); st.Problem != (Problem{}) || st.Traces != 1 || st.Damaged != 0 {
		t.Errorf("then %+v", st)
	}
}

// fill appends until there is no room, and returns the first batch that failed.
func fill(t *testing.T, s *Store) int {
	t.Helper()
	for n := 1; n < 10_000; n++ {
		if err := s.Append(large(n, 20<<10)); err != nil {
			if err := s.Append(large(n, 200<<10)); err == nil {
				t.Error("there was room for more")
			}
			return n
		}
	}
	t.Fatal("the disk is never full")
	return 0
}

// TestNoRoomInFile is the same on every system: SQLite refuses pages beyond a bound.
func TestNoRoomInFile(t *testing.T) {
	s := open(t, Config{})
	add(t, s, simple(1, time.Millisecond))
	bound := func(pages string) {
		t.Helper()
		if err := s.current.db.Exec("PRAGMA max_page_count = " + pages); err != nil {
			t.Fatal(err)
		}
	}
	bound("20")
	segment := s.current
	for range 3 {
		if err := s.Append(large(2, 1<<20)); !errors.Is(err, sqlite3.FULL) {
			t.Fatalf("there was room: %v", err)
		}
	}
	since := s.Stats().Problem.Since
	if since == 0 || len(s.segments) != 1 {
		t.Errorf("%+v", s.Stats())
	}
	if err := s.Append(large(3, 1<<20)); err == nil || s.Stats().Problem.Since != since {
		t.Errorf("the problem is as old as the last failure: %v", err)
	}
	bound("100000")
	add(t, s, large(2, 1<<20))
	if st := s.Stats(); st.Problem != (Problem{}) || st.Traces != 2 || s.current != segment {
		t.Errorf("%+v", st)
	}
}

// TestFolderGone: without its folder a store goes on in memory of what it has, and says why it cannot be written; batches get a new file when
// the folder is back.
func TestFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "telemetry")
	s := open(t, Config{Dir: dir, MaxTraces: 10})
	add(t, s, simple(1, time.Millisecond), simple(2, time.Millisecond)) // the segment is full
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Skipf("a folder in use cannot be moved on this system: %v", err)
	}
	if err := os.WriteFile(dir, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := s.Changed()
	if err := s.Append(simple(3, time.Millisecond)); err == nil {
		t.Error("there was a folder")
	}
	select {
	case <-changed:
	default:
		t.Error("nobody is told that the store cannot be written")
	}
	if p := s.Stats().Problem; !strings.Contains(p.Text, "make a segment") {
		t.Errorf("%+v", p)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"-moved", dir); err != nil {
		t.Fatal(err)
	}
	add(t, s, simple(4, time.Millisecond))
	if st := s.Stats(); st.Problem != (Problem{}) || st.Traces != 3 {
		t.Errorf("%+v", st)
	}
}

// TestDamagedWhileOpen: a file that is damaged while it is open is left out by readers, and counted; the rest is read, and batches go on.
func TestDamagedWhileOpen(t *testing.T) {
	s := open(t, Config{MaxTraces: 10})
	for n := range 4 {
		add(t, s, large(n+1, 30<<10)) // a segment each
	}
	if len(s.segments) < 4 {
		t.Fatalf("%d segments", len(s.segments))
	}
	f, err := os.OpenFile(s.segments[1].path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("damaged ", 4<<10)), 0); err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		records, _, err := s.Trace(t.Context(), traceID(n+1), 9)
		if want := map[bool]int{true: 0, false: 2}[n == 1]; err != nil || len(records) != want {
			t.Errorf("trace %d: %d spans, %v; want %d", n+1, len(records), err, want)
		}
	}
	if logs, err := s.Logs(t.Context(), LogQuery{Limit: 9}); err != nil || len(logs) != 3 {
		t.Errorf("%d lines, %v", len(logs), err)
	}
	if l := list(t, s, TraceQuery{Contains: [][]byte{{0, 0, 0}}, Limit: 9}); l.Matched != 3 {
		t.Errorf("%d traces", l.Matched)
	}
	add(t, s, simple(9, time.Millisecond))
	if st := s.Stats(); st.Damaged != 1 || st.Problem != (Problem{}) {
		t.Errorf("%+v", st)
	}
}

// TestWriterDamaged: if the file that is appended to cannot be written any more, batches get another one.
func TestWriterDamaged(t *testing.T) {
	s := open(t, Config{})
	add(t, s, simple(1, time.Millisecond))
	if err := s.current.db.Exec("DROP TABLE chunk"); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(simple(2, time.Millisecond)); err == nil {
		t.Error("a table that is not there takes rows")
	}
	if s.Stats().Problem.Text == "" {
		t.Error("the store says nothing of it")
	}
	add(t, s, simple(3, time.Millisecond))
	if records, _, err := s.Trace(t.Context(), traceID(3), 9); err != nil || len(records) != 2 || s.Stats().Problem != (Problem{}) {
		t.Errorf("%d spans, %v", len(records), err)
	}
}

// TestNewerStays: retention never touches what a newer version has written, and neither do runs that come after.
func TestNewerStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, segmentName(1, 1))
	db, err := sqlite3.Open(fileURI(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec("CREATE TABLE future(x); PRAGMA user_version = 1000"), db.Close()); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	for run := range 2 {
		s := open(t, Config{Dir: dir, MaxTraces: 10, MaxBytes: 1 << 20, MaxAge: time.Hour})
		for n := range 12 {
			add(t, s, large(n, 1<<10))
		}
		if st := s.Stats(); st.Newer != 1 || st.Evicted == 0 {
			t.Errorf("run %d: %+v", run, st)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the newer file is gone: %v", err)
	}
}
