package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// TraceQuery chooses traces. The zero value chooses all.
type TraceQuery struct {
	// Match decides by the summary; nil: all. It is called with the store locked for writers, and must not call the store.
	Match func(*Summary) bool
	// Contains and Lacks are byte strings that the encoded spans of a trace must have or must not have.
	Contains, Lacks [][]byte
	// Offset and Limit say which of the matching traces are returned, the one first seen last being number 0; Limit 0: none.
	Offset, Limit int
}

// TraceList is the answer to a query.
type TraceList struct {
	Traces  []Summary      // those first seen last come first
	Matched int            // the traces that match, if they are more than those returned
	Count   [Buckets]int   // of them, by duration
	Failed  [Buckets]int   // those of Count with an error
	Groups  map[Group]*RED // of them, by what they are
	Service map[string]int // of them, by each of their services
	Partial bool           // there was no time to look into all of them
	At      Cursor         // the last change of any trace
}

// Group is what traces have in common: service and name of their head.
type Group struct{ Service, Name string }

// RED is rate, errors and durations of a group.
type RED struct {
	Count, Errors int
	Buckets       [Buckets]int32
}

// Quantile is the duration in nanoseconds that a share of the group's traces does not exceed, by the ends of buckets.
func (r *RED) Quantile(q float64) int64 {
	rank := int(q * float64(r.Count-1))
	for i, n := range r.Buckets {
		if rank -= int(n); rank < 0 {
			return BucketStart(i + 1)
		}
	}
	return 0
}

// maxGroups bounds the groups of a list; traces of others are in the group with neither service nor name.
const maxGroups = 1000

// contentTime is a store's, unless a test has another.
const contentTime = 2 * time.Second

// Traces answers a query. Queries by what summaries have take about a millisecond for 100 000 traces.
func (s *Store) Traces(ctx context.Context, q TraceQuery) (*TraceList, error) {
	out := &TraceList{Groups: map[Group]*RED{}, Service: map[string]int{}}
	if len(q.Contains)+len(q.Lacks) == 0 {
		s.mu.RLock()
		defer s.mu.RUnlock()
		out.At = s.index.last
		for r, e := range s.index.newestFirst() {
			if sum := s.index.summary(r, e); q.Match == nil || q.Match(&sum) {
				out.add(&sum, &q)
			}
		}
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.contentTime)
	defer cancel()
	var candidates []candidate
	candidates, out.At = s.candidates(&q)
	for i := range candidates {
		ok, err := s.contentMatches(ctx, &candidates[i], &q)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			out.Partial = true
			return out, nil
		case err != nil:
			return nil, err
		case ok:
			out.add(&candidates[i].Summary, &q)
		}
	}
	return out, nil
}

type candidate struct {
	Summary
	chunks []place
}

func (s *Store) candidates(q *TraceQuery) (out []candidate, at Cursor) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for r, e := range s.index.newestFirst() {
		if sum := s.index.summary(r, e); q.Match == nil || q.Match(&sum) {
			out = append(out, candidate{sum, slices.Clone(s.index.chunks(r, e))})
		}
	}
	return out, s.index.last
}

func (s *Store) contentMatches(ctx context.Context, c *candidate, q *TraceQuery) (bool, error) {
	found := make([]bool, len(q.Contains))
	lacks := true
	for _, p := range c.chunks {
		err := p.segment.query(ctx, "SELECT body FROM chunk WHERE id = ?", func(st *sqlite3.Stmt) error { return st.BindInt64(1, p.row) },
			func(st *sqlite3.Stmt) (bool, error) {
				body := st.ColumnRawBlob(0)
				for i, b := range q.Contains {
					found[i] = found[i] || bytes.Contains(body, b)
				}
				for _, b := range q.Lacks {
					lacks = lacks && !bytes.Contains(body, b)
				}
				return false, nil
			})
		if err != nil && !errors.Is(err, errGone) {
			return false, err
		}
	}
	return lacks && !slices.Contains(found, false), nil
}

func (l *TraceList) add(s *Summary, q *TraceQuery) {
	if l.Matched >= q.Offset && len(l.Traces) < q.Limit {
		l.Traces = append(l.Traces, *s)
	}
	l.Matched++
	b := bucketOf(s.Duration())
	l.Count[b]++
	if s.Errors > 0 {
		l.Failed[b]++
	}
	for _, name := range s.Services {
		if len(l.Service) < maxGroups || l.Service[name] > 0 {
			l.Service[name]++
		}
	}
	g := Group{s.Service, s.Name}
	red := l.Groups[g]
	if red == nil {
		if len(l.Groups) >= maxGroups {
			g = Group{}
			red = l.Groups[g]
		}
		if red == nil {
			red = &RED{}
			l.Groups[g] = red
		}
	}
	red.Count++
	if s.Failed {
		red.Errors++
	}
	red.Buckets[b]++
}

// Trace returns the spans of a trace, at most as many as said; none if there is no such trace.
func (s *Store) Trace(ctx context.Context, id TraceID, most int) ([]Record, Summary, error) {
	s.mu.RLock()
	r, e := s.index.find(id)
	if e == nil {
		s.mu.RUnlock()
		return nil, Summary{}, nil
	}
	sum, chunks := s.index.summary(r, e), slices.Clone(s.index.chunks(r, e))
	s.mu.RUnlock()
	var out []Record
	for len(chunks) > 0 {
		seg := chunks[0].segment
		var rows []int64
		for len(chunks) > 0 && chunks[0].segment == seg {
			rows, chunks = append(rows, chunks[0].row), chunks[1:]
		}
		var err error
		if out, err = seg.spans(ctx, rows, most, out); err != nil && !errors.Is(err, errGone) {
			return nil, sum, err
		}
	}
	return out, sum, nil
}

// LogQuery chooses log records. The zero value chooses all.
type LogQuery struct {
	Trace    TraceID // zero: of all
	Severity int     // the least
	Service  string  // empty: of all
	Text     []string
	Not      []string // texts that the body must not have
	Before   Cursor   // only records that were appended before it; zero: all
	After    Cursor   // only those that were appended after it
	Limit    int
}

// Cursor is a place in the order in which batches were appended, of the current run and earlier ones: of a row of log records, of points or of spans.
type Cursor struct {
	Run int64
	Seq int
	Row int64
}

// IsZero says that it is no place.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// Compare is -1 if c is the earlier place, 1 if it is the later one, 0 if they are the same.
func (c Cursor) Compare(other Cursor) int {
	return cmp.Or(c.compareSegment(other), cmp.Compare(c.Row, other.Row))
}

// Before says whether c is the earlier place.
func (c Cursor) Before(other Cursor) bool { return c.Compare(other) < 0 }

// LogRecord is a log record that was found.
type LogRecord struct {
	Record
	Time     int64
	Severity int
	At       Cursor
}

// Logs returns log records, those appended last first; with After those appended first first.
func (s *Store) Logs(ctx context.Context, q LogQuery) ([]LogRecord, error) {
	s.mu.RLock()
	segments := slices.Clone(s.segments)
	s.mu.RUnlock()
	forward := !q.After.IsZero()
	if !forward {
		slices.Reverse(segments)
	}
	var out []LogRecord
	for _, seg := range segments {
		if len(out) >= q.Limit {
			break
		}
		var err error
		if out, err = seg.findLogs(ctx, &q, forward, out); err != nil && !errors.Is(err, errGone) {
			return nil, err
		}
	}
	return out, nil
}

// findLogs appends the segment's matching records to out.
func (s *segment) findLogs(ctx context.Context, q *LogQuery, forward bool, out []LogRecord) ([]LogRecord, error) {
	where, args := []string{"severity >= ?"}, []any{q.Severity}
	add := func(text string, arg any) { where, args = append(where, text), append(args, arg) }
	if q.Trace != (TraceID{}) {
		add("trace = ?", q.Trace[:])
	}
	if q.Service != "" {
		add("service = ?", q.Service)
	}
	for _, t := range q.Text {
		add("text LIKE ? ESCAPE '\\'", like(t))
	}
	for _, t := range q.Not {
		add("text NOT LIKE ? ESCAPE '\\'", like(t))
	}
	for _, bound := range []struct {
		at   Cursor
		sign int
	}{{q.Before, -1}, {q.After, 1}} {
		if bound.at.IsZero() {
			continue
		}
		here := Cursor{s.run, s.seq, 0}
		switch order := here.compareSegment(bound.at) * bound.sign; {
		case order < 0:
			return out, nil
		case order == 0 && bound.sign < 0:
			add("id < ?", bound.at.Row)
		case order == 0:
			add("id > ?", bound.at.Row)
		}
	}
	order := "DESC"
	if forward {
		order = "ASC"
	}
	add("1 ORDER BY id "+order+" LIMIT ?", q.Limit-len(out))
	s.mu.Lock()
	defer s.mu.Unlock()
	type found struct {
		LogRecord
		source int64
	}
	var rows []found
	err := s.queryLocked(ctx, "SELECT id, time, severity, source, body FROM log WHERE "+strings.Join(where, " AND "), func(st *sqlite3.Stmt) error {
		return bindAll(st, args)
	}, func(st *sqlite3.Stmt) (bool, error) {
		rows = append(rows, found{LogRecord{Record: Record{Encoded: st.ColumnBlob(4, nil)}, Time: st.ColumnInt64(1), Severity: st.ColumnInt(2), At: Cursor{s.run, s.seq, st.ColumnInt64(0)}}, st.ColumnInt64(3)})
		return true, nil
	})
	if err != nil {
		return out, err
	}
	for i := range rows {
		if rows[i].Source, err = s.source(ctx, rows[i].source); err != nil {
			return out, err
		}
		out = append(out, rows[i].LogRecord)
	}
	return out, nil
}

// compareSegment says where the segment of c is beside that of other.
func (c Cursor) compareSegment(other Cursor) int {
	return cmp.Or(cmp.Compare(c.Run, other.Run), cmp.Compare(c.Seq, other.Seq))
}

// like is a pattern of LIKE for texts that have t.
func like(t string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(t) + "%"
}

func bindAll(st *sqlite3.Stmt, args []any) error {
	var errs []error
	for i, a := range args {
		switch a := a.(type) {
		case int:
			errs = append(errs, st.BindInt(i+1, a))
		case int64:
			errs = append(errs, st.BindInt64(i+1, a))
		case string:
			errs = append(errs, st.BindText(i+1, a))
		case []byte:
			errs = append(errs, st.BindBlob(i+1, a))
		}
	}
	return errors.Join(errs...)
}
