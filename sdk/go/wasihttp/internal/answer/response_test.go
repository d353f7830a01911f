package answer

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
)

// response is what the host has got.
type response struct {
	bytes.Buffer
	status  int
	header  http.Header
	aborted bool
}

func (r *response) Begin(status int, header http.Header, _ bool) (Body, error) {
	r.status, r.header = status, header
	return r, nil
}
func (r *response) Fail(string)              { r.aborted = true }
func (r *response) Flush() error             { return nil }
func (r *response) Finish(http.Header) error { return nil }
func (r *response) Abort()                   { r.aborted = true }

func served(h http.HandlerFunc) *response {
	out := &response{}
	Serve(h, &http.Request{Method: http.MethodGet, Body: http.NoBody}, out)
	return out
}

// TestHeaderIsThatOfTheStatus: a header that is changed when the status has been said stays as it was then, as in package net/http.
func TestHeaderIsThatOfTheStatus(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"write":  func(w http.ResponseWriter) { w.Write([]byte("body")) },
		"flush":  func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
	} {
		got := served(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Before", "before")
			begin(w)
			w.Header().Set("X-Before", "changed")
			w.Header().Set("X-After", "after")
		})
		if got.header.Get("X-Before") != "before" || got.header.Get("X-After") != "" {
			t.Errorf("%s: %v", name, got.header)
		}
	}
}

// TestLengthIsKept: a write beyond the Content-Length that the handler has said fails, and nothing of it is sent.
func TestLengthIsKept(t *testing.T) {
	got := served(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		for _, c := range []struct {
			part string
			want error
		}{{"123", nil}, {"45", nil}, {"6", http.ErrContentLength}} {
			if _, err := w.Write([]byte(c.part)); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.part, err, c.want)
			}
		}
	})
	if got.String() != "12345" {
		t.Errorf("%q", got.String())
	}
}

// TestContextHasServer: middleware that asks whether it may abort a response learns that it may.
func TestContextHasServer(t *testing.T) {
	got := served(func(_ http.ResponseWriter, r *http.Request) {
		if r.Context().Value(http.ServerContextKey) != nil { // as httputil.ReverseProxy asks
			panic(http.ErrAbortHandler)
		}
	})
	if !got.aborted {
		t.Error("the context has no server")
	}
}
