// Package forward sends on to another receiver what a receiver of OTLP has taken: by gRPC or by HTTP with protobuf, with a bounded queue and
// the retries of OTLP's specification (opentelemetry.io/docs/specs/otlp, "Failures", "OTLP/HTTP Throttling").
//
// Requests are sent on as they came, byte for byte. Whoever hands one over never waits: what does not fit the queue is dropped and counted.
package forward

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Signal is one of OTLP's signals, as paths name it.
type Signal string

// OTLP's signals.
const (
	Traces  Signal = "traces"
	Logs    Signal = "logs"
	Metrics Signal = "metrics"
)

// Bounds of a forwarder.
const (
	maxQueue   = 64 << 20         // bytes that wait
	maxWaiting = 10_000           // requests that wait
	senders    = 4                // requests that are sent at once
	timeout    = 10 * time.Second // of one attempt
	firstPause = time.Second      // before the second attempt, about; it doubles
	maxPause   = 30 * time.Second
	patience   = 5 * time.Minute // from the first attempt until a request is dropped
	grace      = 5 * time.Second // for the rest of the queue at the end
	maxHops    = 1 << 10         // bytes of a HopHeader
)

// HopHeader names the forwarders that a request has passed through. A receiver whose own forwarder is among them refuses it, since it would
// go round for ever.
const HopHeader = "Vitrine-Forwarded-By"

// ErrLoop says that a request has been sent on by this process before.
var ErrLoop = errors.New("this request has come back: receivers forward to each other in a circle")

// Reasons of drops.
const (
	reasonFull    = "forward queue full"
	reasonRefused = "forward refused"
	reasonSilent  = "forward failed"
	reasonClosed  = "forward not sent at the end"
)

// Drop is how many spans, log records or metrics were not sent on, and why.
type Drop struct {
	Signal Signal
	Reason string
	Count  int64
}

// Status is what a forwarder is doing. Its texts have no secrets.
type Status struct {
	To      string
	Sent    int64  // spans, log records and metrics that the receiver has accepted
	Waiting int    // requests
	Problem string // why the last attempt has failed; empty: it has not
}

// Config of New.
type Config struct {
	// Endpoint is http:// or https://HOST:PORT, for HTTP with protobuf, with a path before OTLP's own if it has one; or grpc:// or
	// grpcs://HOST:PORT.
	Endpoint string
	Headers  map[string]string // of each request
	// Transport sends HTTP requests; nil: one with the environment's proxies.
	Transport http.RoundTripper
}

// Forwarder sends requests on. Safe for concurrent use.
type Forwarder struct {
	to      string
	id      string
	send    sender
	secrets *strings.Replacer // of texts in which a receiver may repeat what it was sent

	ctx    context.Context // ends with the grace of Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	work   chan struct{} // has a token for each request that waits

	mu      sync.Mutex
	queue   []request
	bytes   int // of the queue and of requests that are being sent
	closed  bool
	resume  time.Time // the receiver has asked not to be sent anything before
	sent    int64
	problem string
	dropped map[Drop]int64 // by Signal and Reason
}

// request waits to be sent on.
type request struct {
	signal Signal
	body   []byte
	items  int
	hops   string
}

// sender makes one attempt. rejected is how many items the receiver has rejected for good.
type sender interface {
	attempt(ctx context.Context, r *request) (rejected int, err error)
	close() error
}

// failure is why an attempt has failed.
type failure struct {
	err   error
	again bool          // it may be tried again
	after time.Duration // not before; 0: the receiver does not say
}

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

// New checks the endpoint and begins to send. It does not connect before there is something to send.
func New(cfg Config) (*Forwarder, error) {
	to, err := url.Parse(cfg.Endpoint)
	switch {
	case err != nil:
		return nil, errors.New("want a URL such as http://127.0.0.1:4318 or grpc://127.0.0.1:4317") // err would repeat it, with its credentials
	case to.User != nil || to.RawQuery != "" || to.Fragment != "":
		return nil, errors.New("want no credentials, query or fragment in the URL: credentials belong in headers")
	case to.Host == "" || !slices.Contains([]string{"http", "https", "grpc", "grpcs"}, to.Scheme):
		// Without the endpoint, in which credentials may stand where no URL has any.
		return nil, errors.New("want http://HOST:PORT or https://HOST:PORT for HTTP with protobuf, grpc://HOST:PORT or grpcs://HOST:PORT for gRPC")
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	f := &Forwarder{to: to.String(), secrets: secretsOf(cfg.Headers), id: hex.EncodeToString(id[:]), work: make(chan struct{}, maxWaiting), dropped: map[Drop]int64{}}
	if strings.HasPrefix(to.Scheme, "grpc") {
		f.send, err = newGRPC(to, cfg.Headers)
	} else {
		f.send = newHTTP(to, cfg)
	}
	if err != nil {
		return nil, err
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	for range senders {
		f.wg.Go(f.run)
	}
	return f, nil
}

// Address is the HOST:PORT that an endpoint names; empty: it is none.
func Address(endpoint string) string {
	to, err := url.Parse(endpoint)
	if err != nil || to.Host == "" {
		return ""
	}
	return net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), map[string]string{"http": "80", "https": "443", "grpc": "4317", "grpcs": "443"}[to.Scheme]))
}

// Take has a request sent on: an encoded ExportTraceServiceRequest or the same of another signal, with so many items. The forwarder keeps
// body, which nobody may change any more. hops is the request's HopHeader. false: it does not fit the queue, and is counted as dropped.
func (f *Forwarder) Take(signal Signal, body []byte, items int, hops string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		f.drop(signal, reasonClosed, items)
		return false
	case f.bytes+len(body) > maxQueue || len(f.queue) >= maxWaiting:
		f.drop(signal, reasonFull, items)
		return false
	}
	f.queue = append(f.queue, request{signal, body, items, f.hops(hops)})
	f.bytes += len(body)
	f.work <- struct{}{} // never blocks: there are as many places as requests may wait
	return true
}

// Loops says whether a request with such a HopHeader has been sent on by this forwarder before, or by so many that it goes round elsewhere.
func (f *Forwarder) Loops(hops string) bool {
	return strings.Contains(hops, f.id) || len(hops) > maxHops
}

// hops is the HopHeader of a request that came with another.
func (f *Forwarder) hops(before string) string {
	if before == "" {
		return f.id
	}
	return before + "," + f.id
}

// drop counts a loss; f.mu is held.
func (f *Forwarder) drop(signal Signal, reason string, items int) {
	f.dropped[Drop{Signal: signal, Reason: reason}] += int64(items)
}

// Status says what the forwarder is doing.
func (f *Forwarder) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Status{To: f.to, Sent: f.sent, Waiting: len(f.queue), Problem: f.problem}
}

// Dropped returns the losses so far, by signal and reason.
func (f *Forwarder) Dropped() (out []Drop) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, signal := range []Signal{Traces, Logs, Metrics} {
		for _, reason := range []string{reasonFull, reasonRefused, reasonSilent, reasonClosed} {
			if n := f.dropped[Drop{Signal: signal, Reason: reason}]; n > 0 {
				out = append(out, Drop{signal, reason, n})
			}
		}
	}
	return out
}

// Close sends what waits, for some seconds at most, and ends. What is left is counted as dropped.
func (f *Forwarder) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()
	end := time.AfterFunc(grace, f.cancel)
	defer end.Stop()
	close(f.work)
	f.wg.Wait()
	f.cancel()
	return f.send.close()
}

// run sends requests until the forwarder is closed and nothing waits.
func (f *Forwarder) run() {
	for range f.work {
		f.mu.Lock()
		r := f.queue[0]
		f.queue[0] = request{}
		f.queue = f.queue[1:]
		f.mu.Unlock()
		f.deliver(&r)
		f.mu.Lock()
		f.bytes -= len(r.body)
		f.mu.Unlock()
	}
}

// deliver sends a request, with retries, or counts it as dropped.
func (f *Forwarder) deliver(r *request) {
	begun := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		if !f.rest() {
			f.lost(r, reasonClosed, nil)
			return
		}
		ctx, cancel := context.WithTimeout(f.ctx, timeout)
		rejected, err := f.send.attempt(ctx, r)
		cancel()
		if err == nil {
			f.accepted(r, rejected)
			return
		}
		var why *failure
		if !errors.As(err, &why) || !why.again {
			f.lost(r, reasonRefused, err)
			return
		}
		wait := jittered(pause)
		if why.after > 0 {
			wait = why.after
		}
		if f.stopped() {
			f.lost(r, reasonClosed, err)
			return
		}
		f.failing(err, min(why.after, patience))
		if wait > patience-time.Since(begun) {
			f.lost(r, reasonSilent, err)
			return
		}
		if !f.sleep(wait) {
			f.lost(r, reasonClosed, err)
			return
		}
	}
}

// jittered is a duration of about d, so that senders that have failed together do not try again together.
func jittered(d time.Duration) time.Duration {
	return d/2 + mathrand.N(d)
}

// stopped says that there is no time for another attempt.
func (f *Forwarder) stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// rest waits as long as the receiver has asked for; false: the forwarder ends.
func (f *Forwarder) rest() bool {
	f.mu.Lock()
	wait := time.Until(f.resume)
	f.mu.Unlock()
	if f.ctx.Err() != nil {
		return false
	}
	return wait <= 0 || f.sleep(wait)
}

// sleep waits; false: the forwarder ends first.
func (f *Forwarder) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-f.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (f *Forwarder) accepted(r *request, rejected int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent += int64(max(r.items-rejected, 0))
	f.problem = ""
	if rejected > 0 {
		f.drop(r.signal, reasonRefused, rejected)
	}
}

func (f *Forwarder) failing(err error, after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problem = f.text(err)
	if until := time.Now().Add(after); after > 0 && until.After(f.resume) {
		f.resume = until
	}
}

func (f *Forwarder) lost(r *request, reason string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(r.signal, reason, r.items)
	if err != nil {
		f.problem = f.text(err)
	}
}

// maxProblem bounds the text of Status.Problem, in bytes: a receiver may choose most of it.
const maxProblem = 300

// text is an error as Status says it.
func (f *Forwarder) text(err error) string {
	return text.Cut(f.secrets.Replace(err.Error()), maxProblem)
}

// secretsOf replaces the values of headers, and their parts behind a scheme such as Bearer. Those of a few letters are no secrets, and parts of words.
func secretsOf(headers map[string]string) *strings.Replacer {
	var values []string
	for _, value := range headers {
		_, credentials, _ := strings.Cut(value, " ")
		for _, v := range []string{value, credentials} {
			if len(v) >= minSecret {
				values = append(values, v)
			}
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // where one begins with another, the longer one is replaced
	var pairs []string
	for _, v := range values {
		pairs = append(pairs, v, redact.Mark)
	}
	return strings.NewReplacer(pairs...)
}

const minSecret = 6
