package api

import (
	"bytes"
	"net/http"
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
	changed, fresh := s.Store.Changed(), true
	for ok {
		var event []byte
		if fresh {
			st := s.Store.Stats()
			o := object(nil)
			o.int("traces", int64(st.Seq))
			o.int("logs", int64(st.Logs))
			event = append(append([]byte("data: "), o.end()...), '\n', '\n')
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

// followTraces writes a line for each trace that matches and has changed, beginning with the newest ones that are there.
func (s *server) followTraces(w http.ResponseWriter, r *http.Request, q store.TraceQuery) {
	c, ok := stream(w, "application/x-ndjson")
	for first := true; ok; first = false {
		changed := s.Store.Changed()
		if !first {
			q.Limit = maxTraces
		}
		list, err := s.Store.Traces(r.Context(), q)
		if err != nil {
			return
		}
		q.After = list.Seq
		for i := len(list.Traces) - 1; i >= 0; i-- {
			if _, err := w.Write(append(appendSummary(nil, list.Traces[i]), '\n')); err != nil {
				return
			}
		}
		if c.Flush() != nil {
			return
		}
		if _, ok = s.wait(r, changed); ok && s.Store.Changed() == changed {
			select {
			case <-changed:
				return // a closed store changes no more
			default:
			}
		}
	}
}

// followLogs writes a line for each log record that matches, beginning with the newest ones that are there.
func (s *server) followLogs(w http.ResponseWriter, r *http.Request, q store.LogQuery) {
	c, ok := stream(w, "application/x-ndjson")
	first := q.After.IsZero()
	for ok {
		changed := s.Store.Changed()
		records, err := s.Store.Logs(r.Context(), q)
		if err != nil {
			return
		}
		for i := range records {
			at := i
			if first { // the newest come first
				at = len(records) - 1 - i
			}
			if _, err := w.Write(append(appendLog(nil, records[at]), '\n')); err != nil {
				return
			}
			q.After = records[at].At
		}
		if first && q.After.IsZero() {
			q.After = store.Cursor{Run: 1}
		}
		first, q.Limit = false, maxLogs
		if c.Flush() != nil {
			return
		}
		if len(records) == maxLogs {
			continue // there are more
		}
		if _, ok = s.wait(r, changed); ok && s.Store.Changed() == changed {
			select {
			case <-changed:
				return // a closed store changes no more
			default:
			}
		}
	}
}
