package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func traceID(n int) (id TraceID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func spanID(n int) (id SpanID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

var sources = []Source{{Resource: []byte("resource of shop"), Scope: []byte("scope"), Service: "shop"}, {Resource: []byte("resource of cart"), Service: "cart"}}

// simple is a batch of one trace: a root of shop and a child of cart.
func simple(n int, d time.Duration) *Batch {
	at := int64(n) * int64(time.Second)
	return &Batch{Sources: sources, Spans: []Span{
		{Source: 1, Trace: traceID(n), ID: spanID(2), Parent: spanID(1), Start: at + 10, End: at + 20, Name: "total", Failed: n%2 == 0, Encoded: fmt.Appendf(nil, "child %d", n)},
		{Source: 0, Trace: traceID(n), ID: spanID(1), Start: at, End: at + int64(d), Name: "GET /", Status: 200, Encoded: fmt.Appendf(nil, "root %d", n)},
	}}
}

func open(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func add(t testing.TB, s *Store, all ...*Batch) {
	t.Helper()
	for _, b := range all {
		if err := s.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

func list(t testing.TB, s *Store, q TraceQuery) *TraceList {
	t.Helper()
	l, err := s.Traces(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestTrace: what comes in in parts comes out as one trace, as it came in.
func TestTrace(t *testing.T) {
	s := open(t, Config{})
	whole := simple(3, time.Millisecond)
	add(t, s, &Batch{Sources: sources, Spans: whole.Spans[:1]}, simple(4, time.Second), &Batch{Sources: sources, Spans: whole.Spans[1:]})
	records, sum, err := s.Trace(t.Context(), traceID(3), 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, string(r.Source.Resource)+" "+r.Source.Service+" "+string(r.Encoded))
	}
	want := []string{"resource of cart cart child 3", "resource of shop shop root 3"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if sum.Name != "GET /" || sum.Service != "shop" || sum.Spans != 2 || sum.Status != 200 || !sum.Rooted || sum.Duration() != int64(time.Millisecond) || strings.Join(sum.Services, " ") != "cart shop" {
		t.Errorf("the summary is %+v", sum)
	}
	if records, _, err := s.Trace(t.Context(), traceID(4), 1); err != nil || len(records) != 1 {
		t.Errorf("%d records, %v; want as many as asked for", len(records), err)
	}
	if records, sum, err := s.Trace(t.Context(), traceID(5), 1); err != nil || len(records) != 0 || sum.Spans != 0 {
		t.Errorf("a trace that is not there: %d records, %+v, %v", len(records), sum, err)
	}
}

func TestQuery(t *testing.T) {
	s := open(t, Config{})
	for n := 1; n <= 10; n++ {
		add(t, s, simple(n, time.Duration(n)*time.Millisecond))
	}
	ids := func(l *TraceList) (out []int) {
		for _, x := range l.Traces {
			out = append(out, int(binary.BigEndian.Uint64(x.ID[8:])))
		}
		return out
	}
	for _, c := range []struct {
		name    string
		q       TraceQuery
		matched int
		want    []int
	}{
		{"all", TraceQuery{Limit: 3}, 10, []int{10, 9, 8}},
		{"further ones", TraceQuery{Offset: 3, Limit: 2}, 10, []int{7, 6}},
		{"none but their number", TraceQuery{}, 10, nil},
		{"by the summary", TraceQuery{Limit: 9, Match: func(x *Summary) bool { return x.Errors > 0 && x.Duration() > int64(5*time.Millisecond) }}, 3, []int{10, 8, 6}},
		{"by content", TraceQuery{Limit: 9, Contains: [][]byte{[]byte("root 1"), []byte("child")}}, 2, []int{10, 1}},
		{"by the lack of it", TraceQuery{Limit: 9, Contains: [][]byte{[]byte("root 1")}, Lacks: [][]byte{[]byte("child 10")}}, 1, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := list(t, s, c.q)
			if l.Matched != c.matched || !slices.Equal(ids(l), c.want) || l.Partial {
				t.Errorf("matched %d, %v; want %d, %v", l.Matched, ids(l), c.matched, c.want)
			}
		})
	}
	l := list(t, s, TraceQuery{})
	red := l.Groups[Group{"shop", "GET /"}]
	if red == nil || red.Count != 10 || red.Errors != 0 || l.Service["cart"] != 10 {
		t.Errorf("the groups are %v, the services %v", l.Groups, l.Service)
	}
	if p := time.Duration(red.Quantile(0.5)); p < 5*time.Millisecond || p > 7*time.Millisecond {
		t.Errorf("p50 of 1 to 10 ms is %s", p)
	}
	before := l.At
	add(t, s, simple(2, time.Hour))
	changed, next, more, err := s.Changes(t.Context(), TraceQuery{}, before)
	if err != nil || more || len(changed) != 1 || changed[0].ID != traceID(2) || next != changed[0].At {
		t.Errorf("changed since: %v, %v, %v, %v", changed, next, more, err)
	}
}

// TestChanges: each change is returned once, in parts and in order, also those of earlier runs.
func TestChanges(t *testing.T) {
	const n = 2*maxChanges + 7
	dir := t.TempDir()
	first := open(t, Config{Dir: dir, MaxTraces: 5000})
	for i := range n {
		if i == n/2 {
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			first = open(t, Config{Dir: dir, MaxTraces: 5000})
		}
		add(t, first, simple(i, time.Millisecond))
	}
	add(t, first, simple(3, time.Hour)) // which moves to the end
	for _, q := range []TraceQuery{{}, {Contains: [][]byte{[]byte("root")}}} {
		var at Cursor
		seen := map[TraceID]bool{}
		for more := true; more; {
			all, next, again, err := first.Changes(t.Context(), q, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, sum := range all {
				if !at.Before(sum.At) || seen[sum.ID] {
					t.Fatalf("%+v after %+v", sum, at)
				}
				at, seen[sum.ID] = sum.At, true
			}
			at, more = next, again
		}
		if len(seen) != n {
			t.Errorf("%d of %d traces", len(seen), n)
		}
		if all, next, more, err := first.Changes(t.Context(), q, at); len(all) != 0 || next != at || more || err != nil {
			t.Errorf("then %d, %v, %v, %v", len(all), next, more, err)
		}
	}
}

// TestChangesInNoTime: where there is no time to look into traces, each call looks into one, and none is left out.
func TestChangesInNoTime(t *testing.T) {
	s := open(t, Config{})
	s.contentTime = time.Nanosecond
	const n = 5
	for i := range n {
		add(t, s, simple(i, time.Millisecond))
	}
	var at Cursor
	var got []TraceID
	for rounds, more := 0, true; more; rounds++ {
		if rounds > 2*n {
			t.Fatal("there is no end")
		}
		all, next, again, err := s.Changes(t.Context(), TraceQuery{Contains: [][]byte{[]byte("root")}}, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, sum := range all {
			got = append(got, sum.ID)
		}
		at, more = next, again
	}
	if len(got) != n {
		t.Errorf("%d of %d traces: %v", len(got), n, got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if all, next, _, err := s.Changes(ended, TraceQuery{Contains: [][]byte{[]byte("root")}}, Cursor{}); err == nil || len(all) != 0 || next != (Cursor{}) {
		t.Errorf("for a client that has left: %v, %v, %v", all, next, err)
	}
}

func TestBuckets(t *testing.T) {
	for i := range Buckets - 1 {
		from, to := BucketStart(i), BucketStart(i+1)
		if from >= to || bucketOf(from) != i || bucketOf(to-1) != i {
			t.Errorf("bucket %d is from %d to %d; these are in %d and %d", i, from, to, bucketOf(from), bucketOf(to-1))
		}
	}
	for _, d := range []int64{-1, 0, 1<<63 - 1} {
		if b := bucketOf(d); b < 0 || b >= Buckets {
			t.Errorf("%d is in bucket %d", d, b)
		}
	}
}

// TestReopen: another run of the process finds what the ones before have stored.
func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a #?% folder")
	first := open(t, Config{Dir: dir})
	add(t, first, simple(1, time.Millisecond), simple(2, time.Millisecond), &Batch{Sources: sources, Logs: []Log{{Time: 5, Severity: 9, Body: "from the first", Encoded: []byte("1")}}})
	before := list(t, first, TraceQuery{Limit: 9})
	if _, err := Open(t.Context(), Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("a folder in use: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, Config{Dir: dir})
	add(t, second, simple(3, time.Millisecond), &Batch{Sources: sources, Logs: []Log{{Time: 1, Severity: 17, Trace: traceID(3), Body: "from the second", Encoded: []byte("2")}}})
	after := list(t, second, TraceQuery{Limit: 9})
	if len(after.Traces) != 3 {
		t.Fatalf("%d traces, want 3", len(after.Traces))
	}
	for i, x := range before.Traces {
		y := after.Traces[i+1]
		if y.ID != x.ID || y.Start != x.Start || y.End != x.End || y.Spans != x.Spans || y.Errors != x.Errors || y.Name != x.Name || y.Status != x.Status || !y.Rooted || !slices.Equal(y.Services, x.Services) || y.Run != x.Run {
			t.Errorf("was %+v, is %+v", x, y)
		}
	}
	if run := second.Stats().Run; after.Traces[0].Run != run || after.Traces[1].Run == run {
		t.Error("the runs are not told apart")
	}
	if records, _, err := second.Trace(t.Context(), traceID(1), 9); err != nil || len(records) != 2 || string(records[1].Source.Resource) != "resource of shop" {
		t.Errorf("%v, %v", records, err)
	}
	logs, err := second.Logs(t.Context(), LogQuery{Limit: 9})
	if err != nil || len(logs) != 2 || string(logs[0].Encoded) != "2" || string(logs[1].Encoded) != "1" {
		t.Errorf("the logs are %v, %v", logs, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has the rights %v, %v", info.Mode(), err)
	}
}

func TestLogs(t *testing.T) {
	s := open(t, Config{})
	var all []Log
	for n := range 20 {
		all = append(all, Log{Source: n % 2, Time: int64(n), Severity: 9 + 4*(n%3), Trace: traceID(n / 5), Body: fmt.Sprintf("line %d%%_", n), Encoded: fmt.Append(nil, n)})
	}
	add(t, s, &Batch{Sources: sources, Logs: all[:10]}, &Batch{Sources: sources, Logs: all[10:]})
	find := func(q LogQuery) string {
		found, err := s.Logs(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, l := range found {
			out = append(out, string(l.Encoded))
		}
		return strings.Join(out, " ")
	}
	first, err := s.Logs(t.Context(), LogQuery{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		q    LogQuery
		want string
	}{
		{"the newest", LogQuery{Limit: 3}, "19 18 17"},
		{"those before", LogQuery{Limit: 3, Before: first[2].At}, "16 15 14"},
		{"those after", LogQuery{Limit: 3, After: first[2].At}, "18 19"},
		{"of a severity", LogQuery{Limit: 2, Severity: 17}, "17 14"},
		{"of a trace", LogQuery{Limit: 9, Trace: traceID(1)}, "9 8 7 6 5"},
		{"of a service", LogQuery{Limit: 2, Service: "cart"}, "19 17"},
		{"with a text", LogQuery{Limit: 9, Text: []string{"LINE 1", "7"}}, "17"},
		{"with signs of patterns", LogQuery{Limit: 1, Text: []string{"3%_"}}, "13"},
		{"with a sign that would match any", LogQuery{Limit: 1, Text: []string{"e_1"}}, ""},
		{"without a text", LogQuery{Limit: 2, Not: []string{"1"}}, "9 8"},
	} {
		if got := find(c.q); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestRetention: neither bytes nor traces exceed their bounds by more than a segment, and what remains is what came last.
func TestRetention(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"bytes", Config{MaxBytes: 2 << 20}},
		{"traces", Config{MaxTraces: 500}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, c.config)
			n := 0
			for range 40 {
				b := &Batch{Sources: sources}
				for range 50 {
					n++
					b.Spans = append(b.Spans, Span{Trace: traceID(n), ID: spanID(1), Start: int64(n), End: int64(n + 1), Name: "x", Encoded: make([]byte, 3000)})
				}
				add(t, s, b)
			}
			st := s.Stats()
			if max := c.config.MaxBytes; max > 0 && st.Bytes > max+max/segmentsOfBytes*2 {
				t.Errorf("%d bytes, want %d and not much more", st.Bytes, max)
			}
			if max := c.config.MaxTraces; max > 0 && st.Traces > max+max/segmentsOfTraces+50 {
				t.Errorf("%d traces, want %d and not many more", st.Traces, max)
			}
			if st.Evicted+int64(st.Traces) != int64(n) {
				t.Errorf("%d removed and %d there of %d", st.Evicted, st.Traces, n)
			}
			l := list(t, s, TraceQuery{Limit: 1})
			if l.Traces[0].ID != traceID(n) {
				t.Errorf("the newest is %s", l.Traces[0].ID)
			}
			files, err := os.ReadDir(s.cfg.Dir)
			if err != nil || len(files) > 3*st.Segments+2 {
				t.Errorf("%d files for %d segments, %v", len(files), st.Segments, err)
			}
		})
	}
}

// TestAge: a segment that is older than it may be goes when the store is opened.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Config{Dir: dir})
	add(t, first, simple(1, time.Millisecond))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(first.segments[0].path, old, old); err != nil {
		t.Fatal(err)
	}
	if n := open(t, Config{Dir: dir, MaxAge: time.Hour}).Stats().Traces; n != 0 {
		t.Errorf("%d traces are left", n)
	}
}

// TestDamage: a file that is no segment, or half of one, is no reason not to start.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Config{Dir: dir})
	add(t, first, simple(1, time.Millisecond))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, segmentName(1, 1)), []byte("no database at all, but as long as the head of one would be: a hundred bytes, and then some more of them"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(first.segments[0].path, 9000); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Dir: dir})
	add(t, s, simple(2, time.Millisecond))
	if st := s.Stats(); st.Traces != 1 || st.Damaged != 2 {
		t.Errorf("%d traces, %d damaged files; want the new one, 2", st.Traces, st.Damaged)
	}
}

// TestNewer: what a newer version has written stays for it, and is counted.
func TestNewer(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Config{Dir: dir})
	add(t, first, simple(1, time.Millisecond))
	if err := first.current.db.Exec("PRAGMA user_version = 1000"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Dir: dir})
	add(t, s, simple(2, time.Millisecond))
	if st := s.Stats(); st.Traces != 1 || st.Newer != 1 || st.Damaged != 0 {
		t.Errorf("%d traces, %d newer files, %d damaged ones", st.Traces, st.Newer, st.Damaged)
	}
	if _, err := os.Stat(first.segments[0].path); err != nil {
		t.Error(err)
	}
}

// TestFull: a disk without room fails the batch, and neither the index nor the next batch has a part of it.
func TestFull(t *testing.T) {
	s := open(t, Config{})
	add(t, s, simple(1, time.Millisecond))
	if err := s.current.db.Exec("PRAGMA max_page_count = 20"); err != nil {
		t.Fatal(err)
	}
	b := simple(2, time.Millisecond)
	b.Sources = []Source{{Service: "new", Resource: []byte("new")}, sources[1]}
	b.Spans[0].Encoded = make([]byte, 1<<20)
	if err := s.Append(b); err == nil {
		t.Fatal("there was room")
	}
	if n := list(t, s, TraceQuery{}).Matched; n != 1 {
		t.Errorf("%d traces, want 1", n)
	}
	if err := s.current.db.Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	add(t, s, b)
	records, _, err := s.Trace(t.Context(), traceID(2), 9)
	if err != nil || len(records) != 2 || records[1].Source.Service != "new" {
		t.Errorf("%v, %v", records, err)
	}
}

// TestReadersAndWriter: reading goes on while batches come and segments go.
func TestReadersAndWriter(t *testing.T) {
	s := open(t, Config{MaxTraces: 200})
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		for n := range 400 {
			if err := s.Append(simple(n+1, time.Millisecond)); err != nil {
				t.Error(err)
			}
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		for _, x := range list(t, s, TraceQuery{Limit: 5}).Traces {
			if records, _, err := s.Trace(t.Context(), x.ID, 9); err != nil || len(records) > 2 {
				t.Errorf("%d records, %v", len(records), err)
			}
		}
		if _, err := s.Logs(t.Context(), LogQuery{Limit: 5}); err != nil {
			t.Error(err)
		}
		list(t, s, TraceQuery{Contains: [][]byte{[]byte("root 3")}})
	}
}
