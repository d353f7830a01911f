package httpp3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m, leak.IdleConnections()...)) }

func ptr[T any](v T) *T { return &v }

// want checks for a WIT error.
func want[E comparable](t *testing.T, what string, err error, code E) {
	t.Helper()
	var fail *cm.ResultError[E]
	if !errors.As(err, &fail) || fail.Value != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

// body is what a guest gives as a message's body: bytes, and then trailers or an error. close is nil where there are no bytes.
func body(t *testing.T, text *string, end cm.Result[Trailers, ErrorCode]) (bytesReader, trailersReader) {
	var r bytesReader
	fw, fr := cm.NewFuture[cm.Result[Trailers, ErrorCode]]()
	var w *cm.StreamWriter[uint8]
	if text != nil {
		w, r = cm.NewStream[uint8]()
	}
	go func() {
		ctx := context.WithoutCancel(t.Context())
		if w != nil {
			_, _ = io.WriteString(cm.WriteStream(ctx, w), *text)
			_ = w.Close()
		}
		_ = fw.Set(ctx, end)
	}()
	return r, fr
}

// read reads a body to its end.
func read(t *testing.T, b bodyReader) (string, cm.Result[Trailers, ErrorCode]) {
	t.Helper()
	text, err := io.ReadAll(cm.ReadStream(t.Context(), b.F0))
	if err != nil {
		t.Error(err)
	}
	_ = b.F0.Close()
	end, err := b.F1.Await(t.Context())
	if err != nil {
		t.Error(err)
	}
	return string(text), end
}

func headers(t *testing.T, pairs ...string) Headers {
	t.Helper()
	var list []cm.Tuple2[string, []byte]
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, cm.Tuple2[string, []byte]{F0: pairs[i], F1: []byte(pairs[i+1])})
	}
	h, err := types{}.FieldsFromList(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// noResult is the future that a guest gives when it reads a body.
func noResult() resultReader {
	w, r := cm.NewFuture[flow.Result[ErrorCode]]()
	go func() { _ = w.Set(context.Background(), flow.Result[ErrorCode]{}) }()
	return r
}

func TestFields(t *testing.T) {
	ctx := t.Context()
	f := headers(t, "X-A", "1", "x-a", "2", "b", "3")
	want(t, "syntax", f.Append(ctx, "a b", nil), HeaderErrorInvalidSyntax())
	want(t, "forbidden", f.Append(ctx, "Host", nil), HeaderErrorForbidden())
	want(t, "size", f.Append(ctx, "x", []byte(strings.Repeat("x", wasihttp.MaxFields))), HeaderErrorSizeExceeded())
	if got, err := f.GetAndDelete(ctx, "x-a"); fmt.Sprintf("%s", got) != "[1 2]" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if got, _ := f.CopyAll(ctx); len(got) != 1 || got[0].F0 != "b" {
		t.Errorf("%v", got)
	}
	bytes, trailers := body(t, nil, cm.Result[Trailers, ErrorCode]{})
	r, err := types{}.ResponseNew(ctx, f, bytes, trailers)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := r.F0.GetHeaders(ctx)
	want(t, "immutable", h.Append(ctx, "x", nil), HeaderErrorImmutable())
	_, err = h.GetAndDelete(ctx, "b")
	want(t, "immutable", err, HeaderErrorImmutable())
	clone, _ := h.Clone(ctx)
	if err := clone.Append(ctx, "x", nil); err != nil {
		t.Error(err)
	}
	want(t, "status", r.F0.SetStatusCode(ctx, 99), struct{}{})
	if s, _ := r.F0.GetStatusCode(ctx); s != 200 {
		t.Error(s)
	}
	_ = r.F0.(*response).Drop(ctx)
	if got, err := r.F1.Await(ctx); err != nil || !got.IsErr {
		t.Errorf("a response that was dropped: %+v, %v", got, err)
	}
	var trap *cm.Trap
	_, err = types{wasihttp.Limits{Fields: 10}}.RequestNew(ctx, headers(t, "a-long-name", "value"), nil, nil, nil)
	if !errors.As(err, &trap) || trap.Code != cm.TrapHeaders {
		t.Errorf("headers over the limit: %v", err)
	}
}

// TestErrorCodes: the variants of both versions have the same form, and errors come through.
func TestErrorCodes(t *testing.T) {
	for c := wasihttp.DNSTimeout; c <= wasihttp.InternalError; c++ {
		n := uint64(70000)
		code := errorCode(&wasihttp.Error{Code: c, Text: "text", Number: &n})
		if code.Tag.String() != c.String() || fromErrorCode(code).Code != c {
			t.Errorf("%v becomes %v", c, code)
		}
		if v := LowerErrorCode(code); v.Case() != uint32(c) {
			t.Errorf("%v: %v", c, v)
		}
	}
	if e := fromErrorCode(ErrorCodeInternalError(ptr("why"))); e.Text != "why" {
		t.Error(e)
	}
	if c := errorCode(errors.New("other")); c.Tag != ErrorCodeTagInternalError || *c.InternalError != "other" {
		t.Error(c)
	}
}

// requestTo makes a guest's request.
func requestTo(t *testing.T, to, method string, h Headers, bytes bytesReader, trailers trailersReader, o RequestOptions) cm.Tuple2[Request, resultReader] {
	t.Helper()
	ctx := t.Context()
	r, err := types{}.RequestNew(ctx, h, bytes, trailers, o)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	target := u.RequestURI()
	for _, err := range []error{
		r.F0.SetMethod(ctx, toMethod(method)), r.F0.SetScheme(ctx, toScheme(u.Scheme)), r.F0.SetAuthority(ctx, &u.Host), r.F0.SetPathWithQuery(ctx, &target),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestRequest(t *testing.T) {
	ctx := t.Context()
	o, _ := types{}.NewRequestOptions(ctx)
	most := clocksp3.Duration(1<<64 - 1)
	for _, err := range []error{o.SetConnectTimeout(ctx, ptr(clocksp3.Duration(5))), o.SetFirstByteTimeout(ctx, &most), o.SetBetweenBytesTimeout(ctx, nil)} {
		if err != nil {
			t.Error(err)
		}
	}
	bytes, trailers := body(t, ptr("text"), cm.Result[Trailers, ErrorCode]{OK: headers(t, "x-sum", "1")})
	made := requestTo(t, "http://h:1/p?q", "PURGE", headers(t), bytes, trailers, o)
	r := made.F0
	if m, _ := r.GetMethod(ctx); m.Other != "PURGE" {
		t.Error(m)
	}
	if s, _ := r.GetScheme(ctx); s.Tag != SchemeTagHTTP {
		t.Error(s)
	}
	if a, _ := r.GetAuthority(ctx); *a != "h:1" {
		t.Error(*a)
	}
	if p, _ := r.GetPathWithQuery(ctx); *p != "/p?q" {
		t.Error(*p)
	}
	want(t, "method", r.SetMethod(ctx, MethodOther("no token")), struct{}{})
	want(t, "scheme", r.SetScheme(ctx, ptr(SchemeOther(""))), struct{}{})
	want(t, "authority", r.SetAuthority(ctx, ptr("")), struct{}{})
	want(t, "path", r.SetPathWithQuery(ctx, ptr("no path")), struct{}{})
	opts, _ := r.GetOptions(ctx)
	want(t, "options of a request", opts.SetConnectTimeout(ctx, nil), RequestOptionsErrorImmutable())
	if d, _ := opts.GetConnectTimeout(ctx); *d != 5 {
		t.Error(*d)
	}
	if d, _ := opts.GetFirstByteTimeout(ctx); *d == 0 || *d > 1<<63 {
		t.Error(*d)
	}
	clone, _ := opts.Clone(ctx)
	if err := clone.SetConnectTimeout(ctx, nil); err != nil {
		t.Error(err)
	}
	if d, _ := opts.GetConnectTimeout(ctx); d == nil {
		t.Error("a clone is the same")
	}
	// The guest reads what it has made.
	b, err := types{}.RequestConsumeBody(ctx, r, noResult())
	if err != nil {
		t.Fatal(err)
	}
	text, end := read(t, b)
	if text != "text" || end.IsErr || end.OK == nil {
		t.Errorf("%q, %+v", text, end)
	}
	if got, err := made.F1.Await(ctx); err != nil || got.IsErr {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestIncomingRequest(t *testing.T) {
	ctx := t.Context()
	hr := httptest.NewRequest("POST", "/a?b", strings.NewReader("body"))
	hr.Header.Set("X-A", "1")
	hr.Trailer = http.Header{"X-Sum": {"9"}}
	r := &request{in: wasihttp.NewIncomingRequest(hr, hr.Body)}
	if r.HTTPRequest() != hr {
		t.Error("observers do not see the request")
	}
	if m, _ := r.GetMethod(ctx); m.Tag != MethodTagPost {
		t.Error(m)
	}
	if a, _ := r.GetAuthority(ctx); *a != "example.com" {
		t.Error(*a)
	}
	h, _ := r.GetHeaders(ctx)
	want(t, "headers", h.Delete(ctx, "x-a"), HeaderErrorImmutable())
	// A middleware changes the head and hands the request on.
	if err := r.SetPathWithQuery(ctx, ptr("/c")); err != nil {
		t.Error(err)
	}
	if p, _ := r.GetPathWithQuery(ctx); *p != "/c" || r.OutgoingURL().Path != "/c" {
		t.Error(*p)
	}
	b, err := types{}.RequestConsumeBody(ctx, r, noResult())
	if err != nil {
		t.Fatal(err)
	}
	text, end := read(t, b)
	if text != "body" || end.IsErr || end.OK == nil {
		t.Errorf("%q, %+v", text, end)
	}
	if got, _ := end.OK.Get(ctx, "x-sum"); len(got) != 1 {
		t.Errorf("trailers %s", got)
	}
}

// TestUnwantedBody: a stream that is dropped ends the body, and its future says so without an error.
func TestUnwantedBody(t *testing.T) {
	hr := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 1<<20)))
	b, err := types{}.RequestConsumeBody(t.Context(), &request{in: wasihttp.NewIncomingRequest(hr, hr.Body)}, noResult())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.F0.Read(t.Context(), make([]byte, 1)); err != nil {
		t.Error(err)
	}
	_ = b.F0.Close()
	if end, err := b.F1.Await(t.Context()); err != nil || end.IsErr || end.OK != nil {
		t.Errorf("%+v, %v", end, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (failing) Close() error             { return nil }

func TestBrokenBody(t *testing.T) {
	hr := httptest.NewRequest("POST", "/", nil)
	b, _ := types{}.RequestConsumeBody(t.Context(), &request{in: wasihttp.NewIncomingRequest(hr, failing{})}, noResult())
	if text, end := read(t, b); text != "" || !end.IsErr {
		t.Errorf("%q, %+v", text, end)
	}
}

func TestSend(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-End")
		fmt.Fprintf(w, "%s %q %v %s", r.Method, b, r.ContentLength, r.Trailer.Get("X-Sum"))
		w.Header().Set("X-End", "1")
	}))
	defer s.Close()
	c := wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(_, _, port string) bool { return strings.HasSuffix(s.URL, ":"+port) }})
	defer c.Close()
	send := func(r Request) (Response, error) { return client{c}.Send(t.Context(), r) }
	none := cm.Result[Trailers, ErrorCode]{}
	for _, q := range []struct {
		name, method string
		text         *string
		head         Headers
		end          cm.Result[Trailers, ErrorCode]
		want         string
		result       *ErrorCode
	}{
		{"without a body", "GET", nil, headers(t), none, `GET "" 0 `, nil},
		{"an empty stream", "POST", ptr(""), headers(t), none, `POST "" -1 `, nil},
		{"a body", "POST", ptr("body"), headers(t), none, `POST "body" -1 `, nil},
		{"a length", "POST", ptr("body"), headers(t, "content-length", "4"), none, `POST "body" 4 `, nil},
		{"trailers", "POST", ptr("body"), headers(t, "trailer", "x-sum"), cm.Result[Trailers, ErrorCode]{OK: headers(t, "x-sum", "5")}, `POST "body" -1 5`, nil},
		{"trailers alone", "POST", nil, headers(t, "trailer", "x-sum"), cm.Result[Trailers, ErrorCode]{OK: headers(t, "x-sum", "5")}, `POST "" -1 5`, nil},
	} {
		bytes, trailers := body(t, q.text, q.end)
		r := requestTo(t, s.URL, q.method, q.head, bytes, trailers, nil)
		resp, err := send(r.F0)
		if err != nil {
			t.Errorf("%s: %v", q.name, err)
			continue
		}
		if st, _ := resp.GetStatusCode(t.Context()); st != 200 {
			t.Errorf("%s: status %d", q.name, st)
		}
		b, err := types{}.ResponseConsumeBody(t.Context(), resp, noResult())
		if err != nil {
			t.Fatal(err)
		}
		text, end := read(t, b)
		if q.text != nil && q.name != "a length" { // one that has ended before it is sent has a length, too
			text = strings.Replace(text, fmt.Sprintf("%q %d ", *q.text, len(*q.text)), fmt.Sprintf("%q -1 ", *q.text), 1)
		}
		if text != q.want || end.IsErr || end.OK == nil {
			t.Errorf("%s: %q, %+v; want %q", q.name, text, end, q.want)
		}
		if got, err := r.F1.Await(t.Context()); err != nil || got.IsErr {
			t.Errorf("%s: %+v, %v", q.name, got, err)
		}
	}
	bytes, trailers := body(t, ptr("too long"), none)
	r := requestTo(t, s.URL, "POST", headers(t, "content-length", "3"), bytes, trailers, nil)
	if _, err := send(r.F0); err == nil {
		t.Error("a body that is too long was sent")
	}
	if got, err := r.F1.Await(t.Context()); err != nil || !got.IsErr || got.Err.Tag != ErrorCodeTagHTTPRequestBodySize {
		t.Errorf("too long: %+v, %v", got, err)
	}
	bytes, trailers = body(t, nil, none)
	r = requestTo(t, "http://elsewhere/", "GET", headers(t), bytes, trailers, nil)
	_, err := send(r.F0)
	want(t, "denied", err, ErrorCodeHTTPRequestDenied())
	if got, err := r.F1.Await(t.Context()); err != nil || !got.IsErr || got.Err.Tag != ErrorCodeTagHTTPRequestDenied {
		t.Errorf("denied: %+v, %v", got, err)
	}
	// A request that has been received is sent on, body and all.
	hr := httptest.NewRequest("PUT", "/", strings.NewReader("passed on"))
	fwd := &request{in: wasihttp.NewIncomingRequest(hr, hr.Body)}
	if err := fwd.SetAuthority(t.Context(), ptr(strings.TrimPrefix(s.URL, "http://"))); err != nil {
		t.Error(err)
	}
	resp, err := send(fwd)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := types{}.ResponseConsumeBody(t.Context(), resp, noResult())
	if text, _ := read(t, b); text != `PUT "passed on" -1 ` && text != `PUT "passed on" 9 ` {
		t.Errorf("%q", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	bytes, trailers = body(t, nil, none)
	_ = bytes
	r = requestTo(t, s.URL, "GET", headers(t), nil, trailers, nil)
	if _, err := (client{c}).Send(ctx, r.F0); !errors.Is(err, context.Canceled) && err == nil {
		t.Errorf("cancelled: %v", err)
	}
	_ = r.F1.Close()
}

// TestSendBeforeTrailers: a guest may say that a request without bytes has no trailers when it has the response. The request is sent
// before, without a body, which a server may want to the end of before it answers.
func TestSendBeforeTrailers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.ContentLength, err)
	}))
	defer s.Close()
	c := wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(string, string, string) bool { return true }})
	defer c.Close()
	for name, end := range map[string]cm.Result[Trailers, ErrorCode]{
		"none": {}, "an error": {IsErr: true, Err: ErrorCodeInternalError(ptr("given up"))}, "some": {OK: headers(t, "x-late", "1")},
	} {
		fw, fr := cm.NewFuture[cm.Result[Trailers, ErrorCode]]()
		r := requestTo(t, s.URL, "GET", headers(t), nil, fr, nil)
		resp, err := client{c}.Send(t.Context(), r.F0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := types{}.ResponseConsumeBody(t.Context(), resp, noResult())
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := read(t, b); text != "0 <nil>" {
			t.Errorf("%s: the upstream had %q", name, text)
		}
		if err := fw.Set(t.Context(), end); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := r.F1.Await(t.Context()); err != nil || got.IsErr != (name != "none") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// responder takes one answer.
type responder struct {
	resp   *wasihttp.OutgoingResponse
	failed *wasihttp.Error
}

func (r *responder) Inform(context.Context, int, *wasihttp.Fields) error { return nil }
func (r *responder) Respond(o *wasihttp.OutgoingResponse)                { r.resp = o }
func (r *responder) Fail(err *wasihttp.Error)                            { r.failed = err }

func TestRespond(t *testing.T) {
	ctx := t.Context()
	for _, q := range []struct {
		name   string
		text   *string
		end    cm.Result[Trailers, ErrorCode]
		body   string
		sum    string
		broken bool
		failed bool
	}{
		{name: "nothing"},
		{name: "bytes", text: ptr("text"), body: "text"},
		{name: "trailers", text: ptr("text"), end: cm.Result[Trailers, ErrorCode]{OK: headers(t, "x-sum", "4")}, body: "text", sum: "4"},
		{name: "broken", text: ptr("text"), end: cm.Result[Trailers, ErrorCode]{IsErr: true, Err: ErrorCodeInternalError(nil)}, body: "text", broken: true},
		{name: "failed", end: cm.Result[Trailers, ErrorCode]{IsErr: true, Err: ErrorCodeLoopDetected()}, failed: true},
	} {
		bytes, trailers := body(t, q.text, q.end)
		made, err := types{}.ResponseNew(ctx, headers(t), bytes, trailers)
		if err != nil {
			t.Fatal(err)
		}
		var out responder
		r := made.F0.(*response)
		on, err := r.respond(ctx, &out)
		if err != nil || (out.failed != nil) != q.failed || (out.resp == nil) != q.failed {
			t.Errorf("%s: %+v, %v", q.name, out, err)
		}
		if q.failed {
			if got, _ := made.F1.Await(ctx); !got.IsErr || out.failed.Code != wasihttp.LoopDetected {
				t.Errorf("%s: %+v", q.name, got)
			}
			continue
		}
		if out.resp.HasBody() != (q.text != nil) {
			t.Errorf("%s: a body: %t", q.name, out.resp.HasBody())
		}
		if q.text != nil {
			got, err := io.ReadAll(out.resp.Body())
			if string(got) != q.body || (err != nil) != q.broken {
				t.Errorf("%s: %q, %v", q.name, got, err)
			}
			if sum := out.resp.Body().Trailers().TrailerHeader().Get("X-Sum"); sum != q.sum {
				t.Errorf("%s: trailer %q", q.name, sum)
			}
			<-on
		}
		if got, err := made.F1.Await(ctx); err != nil || got.IsErr != q.broken {
			t.Errorf("%s: %+v, %v", q.name, got, err)
		}
	}
}

// TestStopped: a body that nobody ends is broken off.
func TestStopped(t *testing.T) {
	w, bytes := cm.NewStream[uint8]()
	_, trailers := body(t, nil, cm.Result[Trailers, ErrorCode]{})
	made, _ := types{}.ResponseNew(t.Context(), headers(t), bytes, trailers)
	var out responder
	on, err := made.F0.(*response).respond(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	out.resp.Body().Abort(wasihttp.ErrUnfinished)
	<-on
	if _, err := out.resp.Body().Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("the body ended with %v", err)
	}
	if _, err := w.Write(t.Context(), []byte("x")); !errors.Is(err, cm.ErrReaderGone) {
		t.Error(err)
	}
	if got, err := made.F1.Await(t.Context()); err != nil || !got.IsErr {
		t.Errorf("%+v, %v", got, err)
	}
}
