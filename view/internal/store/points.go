package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// PointQuery chooses what metrics said. The zero value chooses all.
type PointQuery struct {
	Name     string // exactly; empty: of any metric
	Service  string // empty: of any
	From, To int64  // nanoseconds since 1970, both included; To 0: no end
	After    Cursor // only what was appended after it
	// Kinds asks for the last collection of each metric and source alone.
	Kinds bool
	// Appended asks for the order in which they were appended, and for a part of them: partial says that there may be more after the last.
	Appended bool
}

// PointRecord is what one collection said of one metric.
type PointRecord struct {
	Record
	Time int64
	Name string
	At   Cursor
}

// Points calls f for what metrics said, in the order of time within each part of the store, the oldest part first, until f returns false. partial says that there is more than a query reads.
func (s *Store) Points(ctx context.Context, q PointQuery, f func(PointRecord) bool) (partial bool, err error) {
	s.mu.RLock()
	segments := slices.Clone(s.segments)
	var since []int64
	for _, seg := range segments {
		since = append(since, seg.last)
	}
	s.mu.RUnlock()
	for i, seg := range segments {
		if since[i] < q.From && since[i] > 0 { // what it has was collected before it was appended
			continue
		}
		more, cut, err := seg.findPoints(ctx, &q, f)
		if errors.Is(err, errGone) {
			continue
		}
		partial = partial || cut
		if err != nil || !more || cut && q.Appended {
			return partial, err
		}
	}
	return partial, nil
}

// findPoints calls f for the segment's matching rows. It reads them first, and holds no lock meanwhile: f may wait for a client that reads
// slowly, and retention for the segment.
func (s *segment) findPoints(ctx context.Context, q *PointQuery, f func(PointRecord) bool) (more, cut bool, err error) {
	where, args := []string{"time >= ?"}, []any{q.From}
	add := func(text string, arg any) { where, args = append(where, text), append(args, arg) }
	if q.To > 0 {
		add("time <= ?", q.To)
	}
	if q.Name != "" {
		add("name = ?", q.Name)
	}
	if q.Service != "" {
		add("service = ?", q.Service)
	}
	if !q.After.IsZero() {
		switch order := (Cursor{s.run, s.seq, 0}).compareSegment(q.After); {
		case order < 0:
			return true, false, nil
		case order == 0:
			add("id > ?", q.After.Row)
		}
	}
	condition := strings.Join(where, " AND ")
	if q.Kinds {
		condition = "id IN (SELECT max(id) FROM point WHERE " + condition + " GROUP BY name, source)"
	}
	order, most := "time, id", maxPointBytes
	if q.Appended {
		order, most = "id", partPointBytes
	}
	rows, cut, err := s.readPoints(ctx, "SELECT id, time, name, source, body FROM point WHERE "+condition+" ORDER BY "+order, args, most)
	if err != nil {
		return true, cut, err
	}
	for _, row := range rows {
		if !f(row) {
			return false, cut, nil
		}
	}
	return true, cut, nil
}

// readPoints reads rows, of about as many bytes as said, and their sources.
func (s *segment) readPoints(ctx context.Context, query string, args []any, most int) (rows []PointRecord, cut bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sources []int64
	size := 0
	err = s.queryLocked(ctx, query, func(st *sqlite3.Stmt) error { return bindAll(st, args) },
		func(st *sqlite3.Stmt) (bool, error) {
			row := PointRecord{Record{Encoded: st.ColumnBlob(4, nil)}, st.ColumnInt64(1), st.ColumnText(2), Cursor{s.run, s.seq, st.ColumnInt64(0)}}
			size += len(row.Encoded)
			rows, sources = append(rows, row), append(sources, st.ColumnInt64(3))
			cut = size >= most
			return !cut, nil
		})
	if err != nil {
		return nil, cut, err
	}
	for i := range rows {
		if rows[i].Source, err = s.source(ctx, sources[i]); err != nil {
			return nil, cut, err
		}
	}
	return rows, cut, nil
}

// maxPointBytes bounds what a query reads of one segment: a chart of a day of a metric with many series would need all of the memory.
// partPointBytes bounds a part.
const maxPointBytes, partPointBytes = 64 << 20, 1 << 20
