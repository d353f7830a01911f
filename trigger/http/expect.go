package http

import (
	"maps"
	"net/http"
	"sync"
)

// expectation is a client's Expect: 100-continue: it waits for that status before it sends the body. net/http would send the status at the
// first read, even while or after the answer's head is written. Here it is decided once, and never after the head.
type expectation struct {
	mu      sync.Mutex
	writer  http.ResponseWriter // nil: nothing to decide, or decided
	refused bool
}

// decide decides, once, whether the client gets 100 Continue.
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

// inform writes an answer of status 1xx before the head, and not while decide writes. Status 100 counts as decide's.
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

// suppress keeps net/http from sending 100 Continue to a client that was refused it. The head has been written.
func (e *expectation) suppress(w http.ResponseWriter) {
	if e.refused {
		_, _ = w.Write(nil)
	}
}
