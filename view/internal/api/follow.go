package api

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// eventInterval is the least time between two events, and between two looks for what is new: a page that asks again at each of them
// asks as often at any load.
const eventInterval = 500 * time.Millisecond

// keepAlive is how often an event is sent though nothing has changed, so that a client notices that the server has gone.
const keepAlive = 15 * time.Second

// stream begins an answer that goes on; false: the server cannot stream.
func stream(w http.ResponseWriter, kind string) (*http.ResponseController, bool) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{})
	return c, c.Flush() == nil
}

// wait returns when the store has changed, at least eventInterval after the last call; false: the client has gone, or the
// store is closed.
func (s *server) wait(r *http.Request, changed <-chan struct{}) (timeout, ok bool) {
	t := time.NewTimer(keepAlive)
	defer t.Stop()
	select {
	case <-r.Context().Done():
		return false, false
	case <-t.C:
		return true, true
	case <-changed:
	}
	select {
	case <-r.Context().Done():
		return false, false
	case <-time.After(eventInterval):
		return false, true
	}
}

// events tells the page that something has changed, and which spans are in flight.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	c, ok := stream(w, "text/event-stream")
	var look <-chan time.Time // at spans in flight, which change without the store
	if s.InFlight != nil {
		t := time.NewTicker(eventInterval)
		defer t.Stop()
		look = t.C
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	var told []byte
	known := r.Header.Get("Last-Event-ID") // a client that knows it needs not be told
	changed, fresh := s.Store.Changed(), true
	for ok {
		var event []byte
		if fresh {
			st := s.Store.Stats()
			o := object(nil)
			o.int("traces", int64(st.Seq))
			o.int("logs", int64(st.Logs))
			if id := fmt.Sprintf("%d.%d.%d", st.Run, st.Seq, st.Logs); id != known {
				event = fmt.Appendf(nil, "id: %s\ndata: %s\n\n", id, o.end())
			}
			known = ""
		}
		if s.InFlight != nil {
			if now := s.appendInFlight(nil); !bytes.Equal(now, told) {
				event, told = append(append(append(event, "event: inflight\ndata: "...), now...), '\n', '\n'), now
			}
		}
		if len(event) > 0 {
			if _, err := w.Write(event); err != nil || c.Flush() != nil {
				return
			}
		}
		changed, fresh, ok = s.next(r, changed, look, alive.C)
	}
}

// next waits for what events tells of: fresh says that the store has changed, or that a page may want to know that it has not. false: the
// client has gone, or the store is closed.
func (s *server) next(r *http.Request, changed <-chan struct{}, look, alive <-chan time.Time) (_ <-chan struct{}, fresh, ok bool) {
	select {
	case <-r.Context().Done():
		return changed, false, false
	case <-look:
		return changed, false, true
	case <-alive:
		return changed, true, true
	case <-changed:
	}
	again := s.Store.Changed()
	if again == changed { // a closed store changes no more
		return changed, false, false
	}
	select {
	case <-r.Context().Done():
		return again, false, false
	case <-time.After(eventInterval):
		return s.Store.Changed(), true, true
	}
}

// follows says that a client asks for a stream.
func follows(r *http.Request) bool { return r.URL.Query().Get("follow") == "true" }

// since is where a stream that follows goes on: behind what the client has got last, as it says by Last-Event-ID, which a browser sends by
// itself, or by ?since=. Empty: it has nothing yet.
func since(r *http.Request) string {
	return cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since"))
}

// lines are the records of a stream: lines of JSON, or server-sent events for a client that accepts those.
type lines struct {
	w      http.ResponseWriter
	c      *http.ResponseController
	events bool
}

// newLines begins a stream; false: the server cannot stream.
func newLines(w http.ResponseWriter, r *http.Request) (*lines, bool) {
	l := &lines{w: w, events: strings.Contains(r.Header.Get("Accept"), "text/event-stream")}
	kind := "application/x-ndjson"
	if l.events {
		kind = "text/event-stream"
	}
	var ok bool
	l.c, ok = stream(w, kind)
	return l, ok
}

// write writes a record, which at identifies; false: the client has gone.
func (l *lines) write(at string, record []byte) bool {
	if l.events {
		record = append(append([]byte("id: "+at+"\ndata: "), record...), '\n')
	}
	_, err := l.w.Write(append(record, '\n'))
	return err == nil
}

// wait sends what was written and waits until the store has changed; false: the client has gone, or the store is closed.
func (l *lines) wait(s *server, r *http.Request, changed <-chan struct{}) bool {
	if l.c.Flush() != nil {
		return false
	}
	for {
		timeout, ok := s.wait(r, changed)
		if !ok {
			return false
		}
		if !timeout {
			return s.Store.Changed() != changed // a closed store changes no more
		}
		if l.events { // a comment, so that both sides notice that the other has gone
			if _, err := l.w.Write([]byte(":\n\n")); err != nil || l.c.Flush() != nil {
				return false
			}
		}
	}
}

// followTraces writes a record for each trace that matches and has changed, in the order of their changes, beginning with the newest ones
// that are there, or with those that have changed after a place.
func (s *server) followTraces(w http.ResponseWriter, r *http.Request, q store.TraceQuery) {
	at, err := parseCursor(since(r))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	out, ok := newLines(w, r)
	changed, more := s.Store.Changed(), true
	var some []store.Summary
	if ok && at.IsZero() {
		list, err := s.Store.Traces(r.Context(), q)
		if err != nil {
			return
		}
		some, at = list.Traces, list.At
		slices.SortFunc(some, func(a, b store.Summary) int { return a.At.Compare(b.At) })
	}
	for ok {
		for i := range some {
			if !out.write(formatCursor(some[i].At), appendSummary(nil, some[i])) {
				return
			}
		}
		if !more {
			ok = out.wait(s, r, changed)
			changed = s.Store.Changed()
		}
		if some, at, more, err = s.Store.Changes(r.Context(), q, at); err != nil {
			return
		}
	}
}

// followLogs writes a record for each log record that matches, beginning with the newest ones that are there, or with those behind a place.
func (s *server) followLogs(w http.ResponseWriter, r *http.Request, q store.LogQuery) {
	var err error
	if q.After, err = parseCursor(since(r)); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	none := q.Limit == 0
	q.Limit = max(q.Limit, 1)
	out, ok := newLines(w, r)
	for ok {
		changed := s.Store.Changed()
		records, err := s.Store.Logs(r.Context(), q)
		if err != nil {
			return
		}
		if q.After.IsZero() && none && len(records) > 0 { // the newest says where to begin
			q.After, records = records[0].At, nil
		}
		if q.After.IsZero() {
			slices.Reverse(records) // the newest come first
			q.After = store.Cursor{Run: 1}
		} else if len(records) == q.Limit { // there may be more
			changed = nil
		}
		for i := range records {
			if !out.write(formatCursor(records[i].At), appendLog(nil, records[i])) {
				return
			}
			q.After = records[i].At
		}
		q.Limit = maxLogs
		ok = changed == nil || out.wait(s, r, changed)
	}
}

// followMetrics writes a record for each data point that matches, in the order in which they came, beginning with those since a moment, or with
// those behind a place.
func (s *server) followMetrics(w http.ResponseWriter, r *http.Request, q metricQuery, from int64) {
	place, err := parsePointPlace(since(r))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	query := store.PointQuery{From: from, Appended: true}
	skip := place // of its record the client has the points up to it
	if !place.IsZero() {
		query.From, query.After = 0, place.Cursor
		query.After.Row--
	}
	out, ok := newLines(w, r)
	for ok {
		changed := s.Store.Changed()
		partial, err := s.Store.Points(r.Context(), query, func(p store.PointRecord) bool {
			query.From, query.After = 0, p.At
			for _, one := range matching(p, &q) {
				if p.At == skip.Cursor && one.at.index <= skip.index {
					continue
				}
				if ok = ok && out.write(one.at.String(), appendLatest(nil, one)); !ok {
					return false
				}
			}
			return true
		})
		if err != nil || !ok {
			return
		}
		ok = partial || out.wait(s, r, changed)
	}
}
