package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// overHTTP sends by OTLP/HTTP with protobuf.
type overHTTP struct {
	client  *http.Client
	to      *url.URL
	headers map[string]string
}

func newHTTP(to *url.URL, cfg Config) *overHTTP {
	transport := cfg.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = senders
		transport = own
	}
	return &overHTTP{&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, to, cfg.Headers}
}

func (s *overHTTP) close() error {
	s.client.CloseIdleConnections()
	return nil
}

// attempt implements sender. OTLP/HTTP, "Failures": 429, 502, 503 and 504 may be tried again, and connections that fail.
func (s *overHTTP) attempt(ctx context.Context, r *request) (rejected int, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.to.JoinPath("v1", string(r.signal)).String(), bytes.NewReader(r.body))
	if err != nil {
		return 0, err
	}
	for name, value := range s.headers {
		q.Header.Set(name, value)
	}
	q.Header.Set("Content-Type", "application/x-protobuf")
	q.Header.Set(HopHeader, r.hops)
	a, err := s.client.Do(q)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL, which Status has
		}
		return 0, &failure{err: err, again: true}
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
	switch {
	case a.StatusCode/100 == 2 && err != nil:
		return 0, &failure{err: err, again: true}
	case a.StatusCode/100 == 2:
		return partial(body), nil
	}
	what := fmt.Errorf("the receiver answers %s", a.Status)
	switch a.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 0, &failure{what, true, retryAfter(a.Header.Get("Retry-After"), time.Now())}
	case http.StatusLoopDetected:
		return 0, &failure{err: ErrLoop}
	}
	return 0, &failure{err: what}
}

// retryAfter reads the header: seconds, or a date (RFC 9110, section 10.2.3). 0: it does not say.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(n, uint64(math.MaxInt64/int64(time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// partial is how many items an answer says were rejected: field 1 of the partial success, which is field 1 of every signal's response.
func partial(answer []byte) int {
	return int(min(varintOf(bytesOf(answer, 1), 1), math.MaxInt32))
}

// bytesOf is a field of an encoded message that has bytes; nil: there is none, or it is no message.
func bytesOf(b []byte, want protowire.Number) (out []byte) {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		b = b[n:]
		if num == want && kind == protowire.BytesType {
			v, m := protowire.ConsumeBytes(b)
			if m < 0 {
				return nil
			}
			out = v
		}
		if n = protowire.ConsumeFieldValue(num, kind, b); n < 0 {
			return nil
		}
		b = b[n:]
	}
	return out
}

// varintOf is a field of an encoded message that has a number that is not negative; 0: there is none.
func varintOf(b []byte, want protowire.Number) (out int64) {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0
		}
		b = b[n:]
		if num == want && kind == protowire.VarintType {
			v, m := protowire.ConsumeVarint(b)
			if m < 0 {
				return 0
			}
			out = max(int64(v), 0)
		}
		if n = protowire.ConsumeFieldValue(num, kind, b); n < 0 {
			return 0
		}
		b = b[n:]
	}
	return out
}
