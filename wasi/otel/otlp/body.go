package otlp

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// refusal is why a request is refused, and by which status.
type refusal struct {
	status int
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }

var (
	errTooLong = &refusal{http.StatusRequestEntityTooLarge, fmt.Errorf("a body is longer than %d bytes", MaxBody)}
	errCoding  = &refusal{http.StatusUnsupportedMediaType, errors.New("the content encoding is neither gzip nor identity")}
	errHeld    = &refusal{http.StatusTooManyRequests, fmt.Errorf("%w: other exports of the component are under way", otel.ErrBusy)}
)

func undecodable(err error) error { return &refusal{http.StatusBadRequest, err} }

// holding is what one request has of the memory that all of a component may hold.
type holding struct {
	of *atomic.Int64
	n  int64
}

// grow adds n bytes, or fails.
func (h *holding) grow(n int) error {
	if h.of.Add(int64(n)) > maxHeld {
		h.of.Add(int64(-n))
		return errHeld
	}
	h.n += int64(n)
	return nil
}

func (h *holding) release() {
	h.of.Add(-h.n)
	h.n = 0
}

// body reads a request's body, which is then checked and in protobuf's wire format.
func (s *signal) body(r *http.Request, enc encoding, hold *holding) ([]byte, error) {
	b, err := readBody(r, hold)
	if err != nil {
		return nil, err
	}
	if enc == jsonText {
		if err := hold.grow(len(b)); err != nil {
			return nil, err
		}
		if b, err = transcode(b, s.request); err != nil {
			return nil, undecodable(err)
		}
	}
	if err := check(b, s.request, deepest); err != nil {
		return nil, undecodable(err)
	}
	return b, nil
}

// readBody reads and decompresses a body. Neither the one nor the other goes on beyond MaxBody.
func readBody(r *http.Request, hold *holding) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, errTooLong
	}
	var src io.Reader = &counted{r: r.Body}
	switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, bodyError(err)
		}
		src = z
	default:
		return nil, errCoding
	}
	var all []byte
	for {
		if len(all) == cap(all) {
			n := max(cap(all), 4<<10)
			if err := hold.grow(n); err != nil {
				return nil, err
			}
			all = append(make([]byte, 0, len(all)+n), all...)
		}
		n, err := src.Read(all[len(all):cap(all)])
		if all = all[:len(all)+n]; len(all) > MaxBody {
			return nil, errTooLong
		}
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, bodyError(err)
		}
	}
}

func bodyError(err error) error {
	if errors.Is(err, errTooLong) {
		return errTooLong
	}
	return undecodable(fmt.Errorf("the body cannot be read: %w", err))
}

// counted reads at most MaxBody bytes.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += n; c.n > MaxBody {
		return 0, errTooLong
	}
	return n, err
}
