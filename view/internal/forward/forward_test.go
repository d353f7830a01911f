package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// receiver answers requests in turn; the last answer is that of all further ones.
type receiver struct {
	mu      sync.Mutex
	answers []func() (*http.Response, error)
	got     []string // bodies
	at      []time.Time
	heads   []http.Header
	paths   []string
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := r.answers[min(len(r.got), len(r.answers)-1)]
	r.got, r.at, r.heads, r.paths = append(r.got, string(b)), append(r.at, time.Now()), append(r.heads, q.Header), append(r.paths, q.URL.Path)
	return answer()
}

func (r *receiver) attempts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func says(code int, body []byte, head ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(head); i += 2 {
			h.Set(head[i], head[i+1])
		}
		return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Header: h, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
	}
}

func fails() (*http.Response, error) { return nil, errors.New("connection refused") }

// speaks answers with a status line of the receiver's choice.
func speaks(status string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		a, err := says(401, nil)()
		if a != nil {
			a.Status = status
		}
		return a, err
	}
}

// TestFailures: what may be sent again is, not before the receiver wants it; the rest is dropped and counted (OTLP, "Failures").
func TestFailures(t *testing.T) {
	rejected, err := proto.Marshal(&coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: "too old"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		answers  []func() (*http.Response, error)
		attempts int
		least    time.Duration // between the first attempt and the second
		sent     int64
		dropped  []Drop
	}{
		{"accepted", []func() (*http.Response, error){says(200, nil)}, 1, 0, 5, nil},
		{"partly accepted", []func() (*http.Response, error){says(200, rejected)}, 1, 0, 3, []Drop{{Traces, reasonRefused, 2}}},
		{"an answer that is no message", []func() (*http.Response, error){says(200, []byte{0x0a, 0xff})}, 1, 0, 5, nil},
		{"throttled, in seconds", []func() (*http.Response, error){says(429, nil, "Retry-After", "7"), says(200, nil)}, 2, 7 * time.Second, 5, nil},
		{"not available, with a date", []func() (*http.Response, error){func() (*http.Response, error) {
			return says(503, nil, "Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat))()
		}, says(200, nil)}, 2, 19 * time.Second, 5, nil},
		{"not available", []func() (*http.Response, error){says(503, nil), says(502, nil), says(504, nil), fails, says(200, nil)}, 5, firstPause / 2, 5, nil},
		{"refused", []func() (*http.Response, error){says(400, nil)}, 1, 0, 0, []Drop{{Traces, reasonRefused, 5}}},
		{"fails", []func() (*http.Response, error){says(500, nil, "Retry-After", "1")}, 1, 0, 0, []Drop{{Traces, reasonRefused, 5}}},
		{"elsewhere", []func() (*http.Response, error){says(307, nil, "Location", "http://other.example/v1/traces")}, 1, 0, 0, []Drop{{Traces, reasonRefused, 5}}},
		{"a circle", []func() (*http.Response, error){says(508, nil)}, 1, 0, 0, []Drop{{Traces, reasonRefused, 5}}},
		{"refused, with what it was sent", []func() (*http.Response, error){speaks("401 no such key: planted " + strings.Repeat("x", 1<<16))}, 1, 0, 0, []Drop{{Traces, reasonRefused, 5}}},
		{"in a year", []func() (*http.Response, error){says(429, nil, "Retry-After", "99999999999999999999"), says(200, nil)}, 2, firstPause / 2, 5, nil},
		{"in a century", []func() (*http.Response, error){says(429, nil, "Retry-After", "3155760000")}, 1, 0, 0, []Drop{{Traces, reasonSilent, 5}}},
		{"never there", []func() (*http.Response, error){fails}, -1, firstPause / 2, 0, []Drop{{Traces, reasonSilent, 5}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &receiver{answers: c.answers}
				f, err := New(Config{Endpoint: "http://collector.example:4318/base", Headers: map[string]string{"x-key": "planted"}, Transport: to})
				if err != nil {
					t.Fatal(err)
				}
				if !f.Take(Traces, []byte("spans"), 5, "") {
					t.Fatal("there is no room")
				}
				time.Sleep(2 * patience)
				synctest.Wait()
				st := f.Status()
				if st.Sent != c.sent || st.Waiting != 0 || !slices.Equal(f.Dropped(), c.dropped) || (st.Problem == "") != (c.sent > 0) {
					t.Errorf("%+v, dropped %+v", st, f.Dropped())
				}
				if strings.Contains(st.Problem+st.To, "planted") || len(st.Problem) > maxProblem {
					t.Errorf("%+v has a secret", st)
				}
				if c.attempts > 0 && to.attempts() != c.attempts || c.attempts < 0 && to.attempts() < 9 {
					t.Errorf("%d attempts, want %d", to.attempts(), c.attempts)
				}
				if len(to.at) > 1 && to.at[1].Sub(to.at[0]) < c.least {
					t.Errorf("the second attempt was %s after the first, want %s", to.at[1].Sub(to.at[0]), c.least)
				}
				for i, body := range to.got {
					if body != "spans" || to.paths[i] != "/base/v1/traces" || to.heads[i].Get("x-key") != "planted" || to.heads[i].Get("Content-Type") != "application/x-protobuf" || !f.Loops(to.heads[i].Get(HopHeader)) {
						t.Errorf("%q to %s with %v", body, to.paths[i], to.heads[i])
					}
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestThrottled: what a receiver asks of one request holds for all.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{answers: []func() (*http.Response, error){says(429, nil, "Retry-After", "60"), says(200, nil)}}
		f, err := New(Config{Endpoint: "http://collector.example", Transport: to})
		if err != nil {
			t.Fatal(err)
		}
		f.Take(Traces, []byte("a"), 1, "")
		synctest.Wait()
		for range 10 {
			f.Take(Logs, []byte("b"), 1, "")
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if to.attempts() != 1 {
			t.Errorf("%d attempts before the receiver wants any", to.attempts())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st := f.Status(); to.attempts() != 12 || st.Sent != 11 || st.Problem != "" {
			t.Errorf("%d attempts, %+v", to.attempts(), st)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestBlocked: a receiver that never answers holds nobody who has something to send on; the queue is bounded, and the end, too.
func TestBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := roundTrip(func(q *http.Request) (*http.Response, error) {
			<-q.Context().Done()
			return nil, q.Context().Err()
		})
		f, err := New(Config{Endpoint: "http://collector.example", Transport: blocked})
		if err != nil {
			t.Fatal(err)
		}
		begun, body, taken := time.Now(), make([]byte, 1<<20), 0
		for range 1000 {
			if f.Take(Metrics, body, 3, "") {
				taken++
			}
		}
		if passed := time.Since(begun); passed != 0 { // the bubble's clock: nobody has waited
			t.Errorf("it took %s to hand over what cannot be sent", passed)
		}
		if taken != maxQueue>>20 {
			t.Errorf("%d requests of 1 MiB wait", taken)
		}
		if got := f.Dropped(); !slices.Equal(got, []Drop{{Metrics, reasonFull, int64(3 * (1000 - taken))}}) {
			t.Errorf("%+v", got)
		}
		begun = time.Now()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if passed := time.Since(begun); passed > grace {
			t.Errorf("the end took %s", passed)
		}
		n := int64(0)
		for _, d := range f.Dropped() {
			n += d.Count
		}
		if n != 3000 {
			t.Errorf("%+v: want 3000 in all", f.Dropped())
		}
		if f.Take(Metrics, body, 3, "") {
			t.Error("a forwarder that is closed takes something")
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// TestSendsAtTheEnd: what waits is sent before the end.
func TestSendsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := New(Config{Endpoint: "http://collector.example", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Millisecond)
			return says(200, nil)()
		})})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			f.Take(Traces, []byte("a"), 1, "")
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if st := f.Status(); st.Sent != 100 || len(f.Dropped()) != 0 {
			t.Errorf("%+v, %+v", st, f.Dropped())
		}
	})
}

// collector answers the calls of OTLP's service for traces in turn.
type collector struct {
	coltrace.UnimplementedTraceServiceServer
	answers chan func() error
	heads   chan metadata.MD
	got     chan *coltrace.ExportTraceServiceRequest
}

func (c *collector) Export(ctx context.Context, q *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	head, _ := metadata.FromIncomingContext(ctx)
	c.heads <- head
	c.got <- q
	return &coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: 1}}, (<-c.answers)()
}

// TestGRPC: the same by gRPC, with a server.
func TestGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{answers: make(chan func() error, 9), heads: make(chan metadata.MD, 9), got: make(chan *coltrace.ExportTraceServiceRequest, 9)}
	s := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(s, c)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	defer func() { s.Stop(); <-done }()
	f, err := New(Config{Endpoint: "grpc://" + l.Addr().String(), Headers: map[string]string{"X-Key": "planted"}})
	if err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&coltrace.ExportTraceServiceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c.answers <- func() error { return status.Error(codes.Unavailable, "not yet") }
	c.answers <- func() error {
		delay, err := anypb.New(durationpb.New(time.Millisecond))
		if err != nil {
			return err
		}
		info := append([]byte{0x0a, byte(len(delay.Value))}, delay.Value...)
		said := status.New(codes.ResourceExhausted, "full").Proto()
		said.Details = []*anypb.Any{{TypeUrl: "type.googleapis.com/google.rpc.RetryInfo", Value: info}}
		return status.FromProto(said).Err()
	}
	c.answers <- func() error { return nil }
	if !f.Take(Traces, body, 4, "") {
		t.Fatal("there is no room")
	}
	for range 3 {
		if head := <-c.heads; head.Get("x-key")[0] != "planted" || !f.Loops(head.Get(HopHeader)[0]) {
			t.Errorf("%v", head)
		}
		<-c.got
	}
	for _, code := range []codes.Code{codes.ResourceExhausted, codes.InvalidArgument, codes.FailedPrecondition} {
		c.answers <- func() error { return status.Error(code, "no") }
		f.Take(Traces, body, 1, "")
		<-c.heads
		<-c.got
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if st := f.Status(); st.Sent != 3 || !slices.Equal(f.Dropped(), []Drop{{Traces, reasonRefused, 4}}) {
		t.Errorf("%+v, %+v", st, f.Dropped())
	}
}

// TestEndpoints: what is no destination is refused, and no credentials are repeated.
func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "want http://", "127.0.0.1:4318": "want", "ftp://host": "want http://", "tp://host": "want http://", "http://": "want http://",
		"http://user:planted@host:4318": "credentials belong in headers", "http://host/?key=planted": "credentials belong in headers",
		"http://host:planted": "want a URL", "user:planted@host:4318": "want http://HOST:PORT", "ftp://host/planted": "want http://HOST:PORT", "grpc://host:4317/path": "want no path",
	} {
		f, err := New(Config{Endpoint: endpoint})
		if err == nil {
			_ = f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%q: %v, want %q", endpoint, err, want)
		}
	}
	for endpoint, want := range map[string]string{"http://host": "host:80", "https://[::1]:4318/x": "[::1]:4318", "grpc://host": "host:4317", "grpcs://host": "host:443", "": ""} {
		if got := Address(endpoint); got != want {
			t.Errorf("%q is %q, want %q", endpoint, got, want)
		}
	}
}

// FuzzAnswer: whatever a receiver answers, what is read of it is within bounds.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0x0a, 0x02, 0x08, 0x02}, "7")
	f.Add([]byte{0x0a, 0xff}, "Mon, 30 Nov 2026 16:00:00 GMT")
	f.Fuzz(func(t *testing.T, answer []byte, after string) {
		if n := partial(answer); n < 0 {
			t.Errorf("%d are rejected", n)
		}
		if d := retryAfter(after, time.Now()); d < 0 {
			t.Errorf("a pause of %s", d)
		}
		said := status.New(codes.Unavailable, "").Proto()
		said.Details = []*anypb.Any{{TypeUrl: "type.googleapis.com/google.rpc.RetryInfo", Value: answer}}
		if d := retryInfo(status.FromProto(said)); d < 0 || d > patience+2*time.Second {
			t.Errorf("a pause of %s", d)
		}
	})
}
