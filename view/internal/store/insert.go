package store

import (
	"errors"

	"github.com/ncruces/go-sqlite3"
)

// maxSources bounds the sources of a segment that are known by their content; further ones get a row with each batch.
const maxSources = 10000

// sourceID is the row of a source in table source, which is made if there is none.
func (s *segment) sourceID(src *Source) (int64, error) {
	key := string(src.Resource) + "\x00\xff" + string(src.Scope)
	if id, ok := s.sources[key]; ok {
		return id, nil
	}
	st := s.insert.source
	if err := errors.Join(st.BindText(1, src.Service), st.BindBlob(2, full(src.Resource)), st.BindBlob(3, full(src.Scope)), run(st)); err != nil {
		return 0, err
	}
	id := s.db.LastInsertRowID()
	if len(s.sources) < maxSources {
		s.sources[key] = id
	}
	return id, nil
}

// full makes a nil slice an empty blob, which is not NULL.
func full(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// run runs a statement of one step.
func run(st *sqlite3.Stmt) error {
	st.Step()
	return st.Reset()
}

func (s *segment) insertChunk(c *chunk) (int64, error) {
	st := s.insert.chunk
	rank := int64(c.rank)
	if c.failed {
		rank |= 4
	}
	for i, n := range [...]int64{c.start, c.end, int64(c.spans), int64(c.errors)} {
		if err := st.BindInt64(2+i, n); err != nil {
			return 0, err
		}
	}
	err := errors.Join(st.BindBlob(1, c.trace[:]), st.BindText(6, c.name), st.BindText(7, c.service), st.BindText(8, c.services),
		st.BindInt64(9, int64(c.status)), st.BindInt64(10, rank), st.BindInt64(11, c.head), st.BindBlob(12, c.body), run(st))
	return s.db.LastInsertRowID(), err
}

func (s *segment) insertLog(l *Log, source int64, service string) error {
	st := s.insert.log
	trace, span := st.BindNull(3), st.BindNull(4)
	if l.Trace != (TraceID{}) {
		trace = st.BindBlob(3, l.Trace[:])
	}
	if l.Span != (SpanID{}) {
		span = st.BindBlob(4, l.Span[:])
	}
	return errors.Join(st.BindInt64(1, l.Time), st.BindInt64(2, int64(l.Severity)), trace, span, st.BindText(5, service),
		st.BindInt64(6, source), st.BindText(7, l.Body), st.BindBlob(8, l.Encoded), run(st))
}

func (s *segment) insertPoint(p *Point, source int64, service string) error {
	st := s.insert.point
	return errors.Join(st.BindInt64(1, p.Time), st.BindText(2, p.Name), st.BindText(3, service), st.BindInt64(4, source), st.BindBlob(5, p.Encoded), run(st))
}
