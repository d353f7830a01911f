package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// spans is OTLP JSON of a trace with a root and children; the last child fails.
func spans(trace, service, name string, children int, d time.Duration) string {
	start := time.Now().UnixNano()
	var b strings.Builder
	fmt.Fprintf(&b, `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"scope":{"name":"test"},"spans":[`, service)
	fmt.Fprintf(&b, `{"traceId":%q,"spanId":"00000000000000ff","name":%q,"kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}},{"key":"http.route","value":{"stringValue":"/cart"}}]}`,
		trace, name, start, start+int64(d))
	for n := range children {
		code := 0
		if n == children-1 {
			code = 2
		}
		fmt.Fprintf(&b, `,{"traceId":%q,"spanId":"%016x","parentSpanId":"00000000000000ff","name":"child %d","kind":3,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[{"key":"db.system.name","value":{"stringValue":"redis"}},{"key":"db.operation.name","value":{"stringValue":"get"}},{"key":"server.address","value":{"stringValue":"127.0.0.1"}},{"key":"server.port","value":{"intValue":"6379"}}],"status":{"code":%d}}`,
			trace, n+1000, n, start+int64(n), start+int64(n)+100, code)
	}
	b.WriteString("]}]}]}")
	return b.String()
}

func logLine(trace, text string, severity int) string {
	return fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","severityNumber":%d,"body":{"stringValue":%q},"traceId":%q,"spanId":"00000000000000ff"}]}]}]}`,
		time.Now().UnixNano(), severity, text, trace)
}

const (
	traceA = "0000000000000000000000000000000a"
	traceB = "0000000000000000000000000000000b"
)

type client struct {
	t   testing.TB
	url string
}

func serve(t testing.TB, c Config) client {
	srv := httptest.NewServer(New(c))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return client{t, srv.URL}
}

func (c client) get(path string) (int, string) {
	c.t.Helper()
	r, err := http.Get(c.url + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func (c client) post(path, body string) (int, string) {
	c.t.Helper()
	r, err := http.Post(c.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// TestImportAndExport: what a trace's answer says can be imported again, and says the same then.
func TestImportAndExport(t *testing.T) {
	c := serve(t, Config{Store: openStore(t)})
	if code, text := c.post("/api/v1/import", spans(traceA, "shop", "GET /cart", 3, time.Millisecond)+"\n"+logLine(traceA, "hello", 9)); code != 200 || !strings.Contains(text, `"messages":2`) {
		t.Fatalf("%d %s", code, text)
	}
	code, first := c.get("/api/v1/traces/" + traceA)
	if code != 200 {
		t.Fatalf("%d %s", code, first)
	}
	if _, logs := c.get("/api/v1/traces/" + traceA + "/logs"); !strings.Contains(logs, `"body":{"stringValue":"hello"}`) || !strings.Contains(logs, `"traceId":"`+traceA+`"`) {
		t.Errorf("its logs are %s", logs)
	}
	again := serve(t, Config{Store: openStore(t)})
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(first), "", "  "); err != nil {
		t.Fatal(err)
	}
	if code, text := again.post("/api/v1/import", pretty.String()); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	if _, second := again.get("/api/v1/traces/" + traceA); second != first {
		t.Errorf("was %s\nis %s", first, second)
	}
	if code, text := again.post("/api/v1/import", first); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	if _, third := again.get("/api/v1/traces/" + traceA); third != first {
		t.Errorf("imported twice it is %s", third)
	}
	for _, bad := range []string{"{", "[]", `{"resourceSpans":5}`, "no JSON"} {
		if code, text := c.post("/api/v1/import", bad); code != 400 || !strings.Contains(text, `"error"`) {
			t.Errorf("%s: %d %s", bad, code, text)
		}
	}
	file := filepath.Join(t.TempDir(), "traces.json")
	if err := os.WriteFile(file, pretty.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStore(t)
	if n, err := ImportFile(s, file); n != 1 || err != nil || s.Stats().Traces != 1 {
		t.Errorf("%d messages of a file, %v", n, err)
	}
}

// TestQueries: each qualifier, and what is wrong.
func TestQueries(t *testing.T) {
	c := serve(t, Config{Store: openStore(t)})
	c.post("/api/v1/import", spans(traceA, "shop", "GET /cart", 3, 2*time.Millisecond))
	c.post("/api/v1/import", spans(traceB, "cart service", "POST /orders", 0, 2*time.Second))
	for q, want := range map[string]string{
		"":                            "ba",
		"cart":                        "ba", // a name and a service
		"orders":                      "b",
		"-orders":                     "a",
		"service:shop":                "a",
		`service:"cart service"`:      "b",
		"-service:shop":               "b",
		`name:"GET /cart"`:            "a",
		"status:error":                "a",
		"status:ok":                   "b",
		"code:200":                    "ba",
		"code:>=500":                  "",
		"duration:>1s":                "b",
		"duration:<=2ms":              "a",
		"spans:>1":                    "a",
		"trace:0000":                  "ba",
		"trace:" + traceA:             "a",
		"since:1h":                    "ba",
		"since:0s":                    "",
		"run:current":                 "ba",
		"run:previous":                "",
		"@db.system.name:redis":       "a",
		"@server.port:6379":           "a",
		"-@db.system.name:*":          "b",
		"@db.system.name:*":           "a",
		"@db.system.name:mysql":       "",
		"service:shop duration:>1s":   "",
		"http://nothing.example.com/": "",
	} {
		code, text := c.get("/api/v1/traces?q=" + urlQuery(q))
		var list struct{ Traces []struct{ TraceID string } }
		if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 {
			t.Errorf("%s: %d %s", q, code, text)
			continue
		}
		got := ""
		for _, x := range list.Traces {
			got += x.TraceID[31:]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", q, got, want)
		}
	}
	for path, want := range map[string]string{
		"/api/v1/traces?q=servce:shop":   "did you mean service:",
		"/api/v1/traces?q=duration:long": "want a duration",
		"/api/v1/traces?q=status:bad":    "want status:error or status:ok",
		"/api/v1/traces?q=code:x":        "want a whole number",
		"/api/v1/traces?q=service:":      "want a value",
		"/api/v1/traces?limit=x":         "limit: want a whole number",
		"/api/v1/traces/xyz":             "is no trace id",
		"/api/v1/logs?q=level:loud":      "want trace, debug, info",
		"/api/v1/logs?q=trace:5":         "is no trace id",
		"/api/v1/logs?before=x":          "is no place",
	} {
		if code, text := c.get(path); code != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, _ := c.get("/api/v1/traces/" + strings.Repeat("f", 32)); code != 404 {
		t.Errorf("a trace that is not there: %d", code)
	}
	if code, _ := c.get("/api/v2/traces"); code != 404 {
		t.Errorf("a path that is not there: %d", code)
	}
}

func urlQuery(s string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", `"`, "%22", ">", "%3E", "<", "%3C", "&", "%26", "+", "%2B", "#", "%23").Replace(s)
}

// TestFollow: what comes while somebody follows comes as a line, once.
func TestFollow(t *testing.T) {
	c := serve(t, Config{Store: openStore(t)})
	c.post("/api/v1/import", spans(traceA, "shop", "GET /cart", 0, time.Millisecond)+"\n"+logLine(traceA, "first", 9))
	follow := func(path string) func() string {
		r, err := http.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Body.Close() })
		lines := bufio.NewScanner(r.Body)
		return func() string {
			if !lines.Scan() {
				t.Fatalf("%s ends: %v", path, lines.Err())
			}
			return lines.Text()
		}
	}
	traces, logs := follow("/api/v1/traces?follow=true"), follow("/api/v1/logs?follow=true&q=-noise")
	if got := traces(); !strings.Contains(got, traceA) {
		t.Errorf("got %s", got)
	}
	if got := logs(); !strings.Contains(got, `"body":"first"`) {
		t.Errorf("got %s", got)
	}
	c.post("/api/v1/import", spans(traceB, "shop", "GET /cart", 0, time.Millisecond)+"\n"+logLine(traceB, "noise", 9)+"\n"+logLine(traceB, "second", 9))
	if got := traces(); !strings.Contains(got, traceB) {
		t.Errorf("got %s", got)
	}
	if got := logs(); !strings.Contains(got, `"body":"second"`) {
		t.Errorf("got %s", got)
	}
}

// TestStreamsEnd: the streams end with the store.
func TestStreamsEnd(t *testing.T) {
	s := openStore(t)
	c := serve(t, Config{Store: s})
	done := make(chan string)
	for _, path := range []string{"/api/v1/events", "/api/v1/traces?follow=true", "/api/v1/logs?follow=true"} {
		r, err := http.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			done <- path
		}()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-done
	}
}

// TestGuard: who may ask.
func TestGuard(t *testing.T) {
	s := openStore(t)
	ask := func(token string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "http://localhost:4319/api/v1/status", nil)
		change(r)
		w := httptest.NewRecorder()
		New(Config{Store: s, Token: token}).ServeHTTP(w, r)
		if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Error("an answer has no policy")
		}
		return w
	}
	const token = "0123456789abcdef"
	for _, c := range []struct {
		name, token string
		change      func(*http.Request)
		want        int
	}{
		{"localhost", "", func(*http.Request) {}, 200},
		{"127.0.0.1", "", func(r *http.Request) { r.Host = "127.0.0.1:4319" }, 200},
		{"::1", "", func(r *http.Request) { r.Host = "[::1]:4319" }, 200},
		{"a name that was bound to this machine", "", func(r *http.Request) { r.Host = "attacker.example.com" }, 403},
		{"a name that looks like loopback", "", func(r *http.Request) { r.Host = "127.0.0.1.example.com" }, 403},
		{"no name", "", func(r *http.Request) { r.Host = "" }, 403},
		{"the page itself", "", func(r *http.Request) { r.Header.Set("Origin", "http://localhost:4319") }, 200},
		{"another page", "", func(r *http.Request) { r.Header.Set("Origin", "https://example.com") }, 403},
		{"another page of this machine", "", func(r *http.Request) { r.Header.Set("Origin", "http://localhost:3000") }, 403},
		{"a page without an origin", "", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"an image of another page", "", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "no-cors")
		}, 403},
		{"a link in another page", "", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		}, 200},
		{"no token", token, func(*http.Request) {}, 401},
		{"a wrong token", token, func(r *http.Request) { r.Header.Set("Authorization", "Bearer 0123") }, 401},
		{"the token", token, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token); r.Host = "machine.example.com" }, 200},
		{"the cookie", token, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: token}) }, 200},
		{"the cookie from another page", token, func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: cookieName, Value: token})
			r.Header.Set("Origin", "https://example.com")
		}, 403},
		{"a wrong cookie", token, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: ""}) }, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			if w := ask(c.token, c.change); w.Code != c.want {
				t.Errorf("%d, want %d: %s", w.Code, c.want, w.Body)
			}
		})
	}
	w := ask(token, func(r *http.Request) {
		r.URL.RawQuery = "token=" + token + "&q=x"
		r.URL.Path = "//evil.example.com/traces"
	})
	cookie := w.Header().Get("Set-Cookie")
	if to := w.Header().Get("Location"); w.Code != 303 || !strings.HasPrefix(to, "/evil.example.com/traces?q=x") || strings.Contains(to, token) {
		t.Errorf("the link leads to %q, %d", w.Header().Get("Location"), w.Code)
	}
	if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Errorf("the cookie is %s", cookie)
	}
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, ":1": false, "[::]:1": false, "192.168.0.1:1": false, "example.com:1": false, "127.0.0.1": false} {
		if got := IsLoopback(address); got != want {
			t.Errorf("%s is loopback: %t", address, got)
		}
	}
}

// TestTextIsText: nothing that a guest says ends a text in JSON, or a script.
func TestTextIsText(t *testing.T) {
	for _, s := range []string{"</script><script>alert(1)</script>", "\"\\\b\x00\x1f\x7f", "\u2028\u2029", "b\xffd \xc3", "<!--", "日本語 🙂"} {
		b := otlpjson.AppendString(nil, s)
		var back string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Errorf("%q: %s, %v", s, b, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); back != want {
			t.Errorf("%q comes back as %q", s, back)
		}
		if bytes.ContainsAny(b, "<>&\u2028\u2029") {
			t.Errorf("%q is %s", s, b)
		}
	}
}

// filled is a store with traces of one span.
func filled(b *testing.B, traces int) *store.Store {
	s := openStore(b)
	for n := 0; n < traces; {
		batch := &store.Batch{Sources: []store.Source{{Service: "shop"}, {Service: "cart"}, {Service: "price"}}}
		for range 1000 {
			x := store.Span{Source: n % 3, ID: store.SpanID{1}, Start: time.Now().UnixNano(), Name: "GET /item/" + strconv.Itoa(n%20), Failed: n%50 == 0, Status: 200, Encoded: make([]byte, 150)}
			rand.Read(x.Trace[:])
			x.End = x.Start + int64(n%1000)*1e6
			batch.Spans = append(batch.Spans, x)
			n++
		}
		if err := s.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkList is a filtered list of 100 000 traces, as the page asks for it.
func BenchmarkList(b *testing.B) {
	h := New(Config{Store: filled(b, 100_000)})
	for _, q := range []string{"", "service:shop status:error", "item/3 duration:>100ms", "nothing"} {
		b.Run(q, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/api/v1/traces?limit=200&q="+urlQuery(q), nil))
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

// BenchmarkTrace is a trace of 159 spans, as OTLP JSON.
func BenchmarkTrace(b *testing.B) {
	s := openStore(b)
	h := New(Config{Store: s})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/api/v1/import", strings.NewReader(spans(traceA, "shop", "GET /cart", 158, time.Second))))
	if w.Code != 200 {
		b.Fatal(w.Body)
	}
	for b.Loop() {
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/api/v1/traces/"+traceA, nil))
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(w.Body.Len()), "bytes")
}
