package api

import (
	"net/http"

	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// marks answers with what has happened to what is watched: starts and reloads.
func (s *server) marks(w http.ResponseWriter, r *http.Request) {
	o := object(nil)
	o.time("run", s.Store.Stats().Run)
	o.raw("marks", list(s.Store.Marks(), func(b []byte, m store.Mark) []byte {
		o := object(nil)
		o.time("time", m.Time)
		o.time("run", m.Run)
		o.str("name", m.Name)
		o.str("text", m.Text)
		return append(b, o.end()...)
	}))
	send(w, r, o.end())
}
