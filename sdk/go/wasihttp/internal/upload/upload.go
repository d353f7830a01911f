// Package upload sends the bodies of requests, in all versions of wasi:http.
package upload

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
)

// Upload is the body of a request that is being sent.
type Upload struct {
	body  io.ReadCloser
	close sync.Once
	err   error // of reading it
}

// Of is the upload of a request's body; it is nil if the request has none.
func Of(r *http.Request) *Upload {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &Upload{body: r.Body}
}

// Send copies the body to w, and ends that with the request's trailers: as in package net/http there are none where the length is known. That the other side stops
// reading is no error: it may have answered. The end of the context closes the body, and has w aborted. The body is closed in the end.
func (u *Upload) Send(ctx context.Context, r *http.Request, w answer.Body) {
	stop := context.AfterFunc(ctx, u.Close) // which ends a Read that is under way
	defer stop()
	defer u.Close()
	if _, err := io.Copy(w, reader{u}); err != nil && !errors.Is(err, answer.ErrClosed) || ctx.Err() != nil {
		w.Abort()
		return
	}
	trailers := r.Trailer
	if r.ContentLength > 0 {
		trailers = nil
	}
	_ = w.Finish(trailers)
}

// Close closes the body; it may be called on nil.
func (u *Upload) Close() {
	if u != nil {
		u.close.Do(func() { _ = u.body.Close() })
	}
}

// Err is why the body could not be read, or nil: then that is why its request has failed, whatever the host says. It may be called on nil.
func (u *Upload) Err() error {
	if u == nil {
		return nil
	}
	return u.err
}

// reader keeps the error of reading.
type reader struct{ u *Upload }

func (r reader) Read(b []byte) (int, error) {
	n, err := r.u.body.Read(b)
	if err != nil && err != io.EOF {
		r.u.err = err
	}
	return n, err
}
