package http

import (
	"maps"
	"net/http"
	"sync"
)

// expectation is a client's wish to be told to go on before it sends the body (Expect: 100-continue). net/http would tell
// it at the first read, at any time: also while, or after, the answer's head is being written. Here it is decided once,
// and never after the head.
type expectation struct {
	mu      sync.Mutex
	writer  http.ResponseWriter // nil: nothing to decide, or decided
	refused bool
}

// decide says once and for all whether the client is to go on.
func (e *expectation) decide(goOn bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writer == nil {
		return
	}
	if goOn {
		e.writer.WriteHeader(http.StatusContinue)
	}
	e.refused = !goOn
	e.writer = nil
}

// inform writes an answer of status 1xx before the head, and not while the client is told to go on; 100 tells it so.
func (e *expectation) inform(w http.ResponseWriter, status int, h http.Header) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if status == http.StatusContinue {
		e.writer = nil
	}
	before := maps.Clone(w.Header()) // of handlers around this one
	clear(w.Header())
	maps.Copy(w.Header(), h)
	w.WriteHeader(status)
	clear(w.Header())
	maps.Copy(w.Header(), before)
}

// suppress keeps net/http from telling a client to go on that was refused. The head has been written.
func (e *expectation) suppress(w http.ResponseWriter) {
	if e.refused {
		_, _ = w.Write(nil)
	}
}
