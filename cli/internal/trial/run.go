package trial

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

func testKey(i int) string { return fmt.Sprintf("tests[%d]", i) }

func spanKey(test string, i int) string { return fmt.Sprintf("%s.expect.trace[%d]", test, i) }

func quoted(s string) string { return strconv.Quote(s) }

// Runner runs tests.
type Runner struct {
	Base string // the workload's address, as a URL without a path; of no account without requests
	// Spans has the spans of the requests' traces, once Flush has returned, and those of a run when Command has.
	Spans *Spans
	Flush func(context.Context) error
	// Command runs the workload's command in a trace that ctx has. An error says why it cannot be run.
	Command func(ctx context.Context, r *Run) (Ran, error)
}

// Ran is how a run has ended.
type Ran struct {
	Output []byte // to standard output; of more than MaxOutput bytes the first
	Exit   int    // as of vitrine run: the command's own, 134 a trap, 124 a deadline
	Why    string // of a trap or a deadline
}

// MaxOutput bounds the bytes of a run's output that are compared.
const MaxOutput = maxBody

// maxBody bounds the bytes of an answer that are read; requestTime is how long one request may take, traceTime how long its trace may after
// that.
const (
	maxBody     = 16 << 20
	requestTime = 5 * time.Minute
	traceTime   = 30 * time.Second
)

// Run runs the tests that choose accepts, one after the other, until ctx ends.
func (r *Runner) Run(ctx context.Context, d *Document, choose func(name string) bool, each func(Result)) error {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: requestTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i := range d.Tests {
		if !choose(d.Tests[i].Name) {
			continue
		}
		result := r.one(ctx, client, d, i)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		each(result)
	}
	return nil
}

// one runs one test.
func (r *Runner) one(ctx context.Context, client *http.Client, d *Document, i int) Result {
	t, key := &d.Tests[i], testKey(i)
	c := &checker{place: d.place, key: key}
	result := Result{Name: t.Name, Place: d.place(key)}
	began := time.Now()
	trace, span, err := r.do(ctx, client, t, c)
	result.Took = time.Since(began)
	result.Seconds, result.TraceID = result.Took.Seconds(), trace
	if err != nil {
		c.fail(c.cause, "%v", err)
	}
	if err == nil && t.tracing() {
		spans, err := r.await(ctx, trace, span, t.Run != nil)
		if err != nil {
			c.fail(".expect.trace", "the trace is not whole: %v", err)
		} else {
			c.trace(t, spans)
		}
	}
	r.Spans.forget(trace)
	result.Failures = c.failures
	return result
}

// do sends the test's request, or runs its command, and checks what comes of it.
func (r *Runner) do(ctx context.Context, client *http.Client, t *Test, c *checker) (trace, span string, err error) {
	if t.Run != nil {
		c.cause = ".run"
		return r.command(ctx, t, c)
	}
	c.cause = ".request"
	if trace, span, err = r.send(ctx, client, t, c); err != nil {
		err = fmt.Errorf("the request has failed: %w", err)
	}
	return trace, span, err
}

// command runs the command in a trace of its own.
func (r *Runner) command(ctx context.Context, t *Test, c *checker) (trace, span string, _ error) {
	trace, span = newIDs()
	r.Spans.expect(trace)
	rctx, cancel := context.WithTimeout(withParent(ctx, trace, span), requestTime)
	defer cancel()
	ran, err := r.Command(rctx, t.Run)
	if err != nil {
		return trace, span, err
	}
	want := 0
	if t.Expect.Exit != nil {
		want = *t.Expect.Exit
	}
	if ran.Exit != want {
		why := hint("output", ran.Output)
		if ran.Why != "" {
			why = ": " + ran.Why
		}
		at := ".expect"
		if t.Expect.Exit != nil {
			at = ".expect.exit"
		}
		c.fail(at, "exit status: want %d, got %d%s", want, ran.Exit, why)
	}
	c.body(&t.Expect, "output", ran.Output)
	return trace, span, nil
}

func newIDs() (trace, span string) {
	var id [24]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:16]), hex.EncodeToString(id[16:])
}

// send sends the request and checks the answer. The request has a trace of its own, unless its headers say which it belongs to.
func (r *Runner) send(ctx context.Context, client *http.Client, t *Test, c *checker) (trace, span string, _ error) {
	req, err := http.NewRequestWithContext(ctx, t.Request.Method, r.Base+t.Request.Path, strings.NewReader(t.Request.Body))
	if err != nil {
		return "", "", err
	}
	for name, value := range t.Request.Headers {
		req.Header.Set(name, value)
	}
	if t.Request.Host != "" {
		req.Host = t.Request.Host
	}
	if parts := strings.Split(req.Header.Get("Traceparent"), "-"); len(parts) >= 4 {
		trace, span = parts[1], parts[2]
	} else {
		trace, span = newIDs()
		req.Header.Set("Traceparent", "00-"+trace+"-"+span+"-01")
	}
	r.Spans.expect(trace)
	resp, err := client.Do(req)
	if err != nil {
		return trace, span, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		c.fail(".expect", "the answer broke off after %d bytes: %v", len(body), err)
	}
	c.answer(&t.Expect, resp, body)
	return trace, span, nil
}

// await waits until the span below which the request's spans are has come.
func (r *Runner) await(ctx context.Context, trace, parent string, run bool) ([]span, error) {
	ctx, cancel := context.WithTimeout(ctx, traceTime)
	defer cancel()
	for {
		if !run {
			if err := r.Flush(ctx); err != nil && ctx.Err() == nil {
				return nil, err
			}
		}
		spans := r.Spans.of(trace)
		if slices.ContainsFunc(spans, func(s span) bool { return s.parent == parent && (run || s.server) }) {
			return spans, nil
		}
		select {
		case <-r.Spans.came:
		case <-time.After(10 * time.Millisecond): // the span ends just after the answer
		case <-ctx.Done():
			return nil, fmt.Errorf("%d spans have come, and none of what the test has begun: %w", len(spans), context.Cause(ctx))
		}
	}
}

// checker collects what does not hold of one test.
type checker struct {
	place    func(string) string
	key      string
	cause    string // the key of what the test does
	failures []Failure
}

func (c *checker) fail(key, format string, args ...any) {
	c.failures = append(c.failures, Failure{c.place(c.key + key), text.Cut(fmt.Sprintf(format, args...), 8<<10)})
}

func (c *checker) answer(e *Expect, resp *http.Response, body []byte) {
	switch {
	case e.Status != nil && resp.StatusCode != *e.Status:
		c.fail(".expect.status", "status: want %d, got %d%s", *e.Status, resp.StatusCode, hint("body", body))
	case e.Status == nil && resp.StatusCode/100 != 2:
		c.fail(".expect", "status: want 2xx, got %d%s", resp.StatusCode, hint("body", body))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if got := strings.Join(resp.Header.Values(name), ", "); got != e.Headers[name] {
			c.fail(".expect.headers."+quoted(name), "header %s: want %q, got %s", name, e.Headers[name], valueOf(resp.Header, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.HeadersMatch)) {
		got := strings.Join(resp.Header.Values(name), ", ")
		if resp.Header.Values(name) == nil || !regexp.MustCompile(e.HeadersMatch[name]).MatchString(got) {
			c.fail(".expect.headersMatch."+quoted(name), "header %s: want a match of %s, got %s", name, e.HeadersMatch[name], valueOf(resp.Header, name))
		}
	}
	for i, name := range e.NoHeaders {
		if resp.Header.Values(name) != nil {
			c.fail(fmt.Sprintf(".expect.noHeaders[%d]", i), "header %s: want none, got %s", name, valueOf(resp.Header, name))
		}
	}
	c.body(e, "body", body)
}

// body checks the body of an answer, or the output of a run.
func (c *checker) body(e *Expect, what string, body []byte) {
	if e.Body != nil && string(body) != *e.Body {
		c.fail(".expect.body", "%s: %s", what, difference(*e.Body, string(body)))
	}
	for i, part := range e.Contains {
		if !bytes.Contains(body, []byte(part)) {
			c.fail(fmt.Sprintf(".expect.contains[%d]", i), "%s: want %s in it, got %s", what, short(part), short(string(body)))
		}
	}
	if e.Matches != "" && !regexp.MustCompile(e.Matches).Match(body) {
		c.fail(".expect.matches", "%s: want a match of %s, got %s", what, e.Matches, short(string(body)))
	}
	if e.JSON == nil {
		return
	}
	want, err := decodeJSON([]byte(*e.JSON))
	got, broken := decodeJSON(body)
	switch {
	case broken != nil:
		c.fail(".expect.json", "%s: want JSON, got %s", what, short(string(body)))
	case err == nil && !reflect.DeepEqual(want, got):
		c.fail(".expect.json", "%s: %s", what, difference(compact(want), compact(got)))
	}
}

func decodeJSON(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err = d.Decode(&v); err == nil && d.More() {
		err = errors.New("more than one value")
	}
	return v, err
}

func compact(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func valueOf(h http.Header, name string) string {
	if h.Values(name) == nil {
		return "none"
	}
	return short(strings.Join(h.Values(name), ", "))
}

// hint is the beginning of an answer that was not expected.
func hint(what string, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	return ", with the " + what + " " + short(string(body))
}

// maxShown bounds a text in a message, in bytes.
const maxShown = 300

func short(s string) string {
	if len(s) > maxShown {
		return quoted(text.Cut(s, maxShown)) + fmt.Sprintf(" (%d bytes)", len(s))
	}
	return quoted(s)
}

// difference shows two texts, long ones from shortly before they differ.
func difference(want, got string) string {
	if len(want) <= maxShown && len(got) <= maxShown {
		return fmt.Sprintf("want %s, got %s", quoted(want), quoted(got))
	}
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	from := max(at-20, 0)
	return fmt.Sprintf("the texts differ at byte %d: want …%s, got …%s", at, short(want[from:]), short(got[from:]))
}
