package httpp2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

func ptr[T any](v T) *T { return &v }

// want fails unless err is the WIT error v.
func want[E comparable](t *testing.T, what string, err error, v E) {
	t.Helper()
	var e *cm.ResultError[E]
	if !errors.As(err, &e) || e.Value != v {
		t.Errorf("%s: got %v, want the WIT error %v", what, err, v)
	}
}

func TestCodesMatchTags(t *testing.T) {
	for c := wasihttp.DNSTimeout; c <= wasihttp.InternalError; c++ {
		if tag := ErrorCodeTag(c); tag.String() != c.String() {
			t.Errorf("code %d is %s here and %s in WIT", c, c, tag)
		}
		v := errorCode(&wasihttp.Error{Code: c, Text: "text", Number: ptr[uint64](7)})
		if v.Tag != ErrorCodeTag(c) || fromErrorCode(v).Code != c {
			t.Errorf("%s becomes %+v", c, v)
		}
		if got := LiftErrorCode(LowerErrorCode(v)); got.Tag != v.Tag {
			t.Errorf("%s comes back as %+v", c, got)
		}
	}
	if InternalErrorTag := int(ErrorCodeTagInternalError); InternalErrorTag != int(wasihttp.InternalError) {
		t.Errorf("WIT has %d codes", InternalErrorTag+1)
	}
}

func TestErrorPayloads(t *testing.T) {
	e := func(c wasihttp.Code, text string, n uint64) ErrorCode {
		return errorCode(&wasihttp.Error{Code: c, Text: text, Number: &n})
	}
	if c := e(wasihttp.DNSError, "NXDOMAIN", 1<<20); *c.DNSError.Rcode != "NXDOMAIN" || *c.DNSError.InfoCode != 1<<16-1 {
		t.Errorf("got %+v", c.DNSError)
	}
	if c := e(wasihttp.TLSAlertReceived, "bad", 42); *c.TLSAlertReceived.AlertMessage != "bad" || *c.TLSAlertReceived.AlertID != 42 {
		t.Errorf("got %+v", c.TLSAlertReceived)
	}
	if c := e(wasihttp.RequestBodySize, "", 1<<40); *c.HTTPRequestBodySize != 1<<40 {
		t.Errorf("got %v", *c.HTTPRequestBodySize)
	}
	if c := e(wasihttp.ResponseHeaderSize, "x-a", 9); *c.HTTPResponseHeaderSize.FieldName != "x-a" || *c.HTTPResponseHeaderSize.FieldSize != 9 {
		t.Errorf("got %+v", c.HTTPResponseHeaderSize)
	}
	if c := errorCode(errors.New("other")); c.Tag != ErrorCodeTagInternalError || *c.InternalError != "other" {
		t.Errorf("got %+v", c)
	}
	if c := fromErrorCode(ErrorCodeInternalError(ptr("told to"))); c.Text != "told to" {
		t.Errorf("got %+v", c)
	}
}

func TestMethods(t *testing.T) {
	for tag := MethodTagGet; tag <= MethodTagPatch; tag++ {
		name := strings.ToUpper(tag.String())
		if m := toMethod(name); m.Tag != tag || fromMethod(m) != name {
			t.Errorf("%s becomes %v", name, m)
		}
	}
	if m := toMethod("PURGE"); m.Tag != MethodTagOther || fromMethod(m) != "PURGE" {
		t.Errorf("got %+v", m)
	}
}

func TestFieldErrors(t *testing.T) {
	ctx := t.Context()
	f, err := types{}.NewFields(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "syntax", f.Append(ctx, "a b", nil), HeaderErrorInvalidSyntax())
	want(t, "forbidden", f.Append(ctx, "Host", nil), HeaderErrorForbidden())
}

func TestFieldErrorsOfSize(t *testing.T) {
	ctx := t.Context()
	f, _ := types{}.NewFields(ctx)
	var trap *cm.Trap
	if err := f.Append(ctx, "x", []byte(strings.Repeat("x", wasihttp.MaxFields))); !errors.As(err, &trap) || trap.Code != cm.TrapHeaders || trap.Blame() != cm.BlameLimit {
		t.Errorf("append: got %v, want a trap for the limit of headers", err)
	}
	_, err := types{}.FieldsFromList(ctx, []cm.Tuple2[string, []byte]{{F0: "ok", F1: nil}, {F0: "", F1: nil}})
	want(t, "from-list", err, HeaderErrorInvalidSyntax())
	l, err := types{}.FieldsFromList(ctx, []cm.Tuple2[string, []byte]{{F0: "X-A", F1: []byte("1")}, {F0: "x-a", F1: []byte("2")}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := l.Get(ctx, "x-a"); fmt.Sprintf("%s", got) != "[1 2]" {
		t.Errorf("get: %s", got)
	}
	r, err := types{}.NewOutgoingResponse(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := r.Headers(ctx)
	want(t, "headers of a response", h.Append(ctx, "x", nil), HeaderErrorImmutable())
	clone, _ := h.Clone(ctx)
	if err := clone.Append(ctx, "x", nil); err != nil {
		t.Errorf("a clone: %v", err)
	}
	want(t, "status 99", r.SetStatusCode(ctx, 99), struct{}{})
}

func TestIncomingRequest(t *testing.T) {
	ctx := t.Context()
	hr := httptest.NewRequest("PURGE", "/a?b", strings.NewReader("body"))
	hr.Header.Set("X-A", "1")
	r := &incomingRequest{r: wasihttp.NewIncomingRequest(hr, hr.Body)}
	hr.Header.Set("Traceparent", "set later")
	if m, _ := r.Method(ctx); m.Tag != MethodTagOther || m.Other != "PURGE" {
		t.Errorf("method %+v", m)
	}
	if s, _ := r.Scheme(ctx); s.Tag != SchemeTagHTTP {
		t.Errorf("scheme %+v", s)
	}
	if a, _ := r.Authority(ctx); *a != "example.com" {
		t.Errorf("authority %v", a)
	}
	if p, _ := r.PathWithQuery(ctx); *p != "/a?b" {
		t.Errorf("path %v", p)
	}
	h, _ := r.Headers(ctx)
	if got, _ := h.Get(ctx, "traceparent"); len(got) != 1 {
		t.Error("a header that was set before the guest asked is not there")
	}
	want(t, "headers", h.Delete(ctx, "x-a"), HeaderErrorImmutable())
	b, err := r.Consume(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Consume(ctx)
	want(t, "consume twice", err, struct{}{})
	s, err := b.Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Stream(ctx)
	want(t, "stream twice", err, struct{}{})
	if p, err := s.BlockingRead(ctx, 2); err != nil || string(p) != "bo" {
		t.Errorf("read %q, %v", p, err)
	}
	if err := s.(*iop2.Input).Drop(ctx); err != nil {
		t.Fatal(err)
	}
	f, err := types{}.IncomingBodyFinish(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Get(ctx); err != nil || got != nil {
		if got.OK.IsErr || got.OK.OK != nil {
			t.Errorf("get: %+v, %v", got, err)
		}
		f.(*futureTrailers).taken = false
	}
	p, _ := f.Subscribe(ctx)
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Get(ctx); err != nil || got == nil || got.IsErr || got.OK.IsErr || got.OK.OK != nil {
		t.Errorf("get: %+v, %v", got, err)
	}
	if got, err := f.Get(ctx); err != nil || got == nil || !got.IsErr {
		t.Errorf("get again: %+v, %v", got, err)
	}
}

func TestOutgoingBodyFinish(t *testing.T) {
	ctx := t.Context()
	h, _ := types{}.FieldsFromList(ctx, []cm.Tuple2[string, []byte]{{F0: "content-length", F1: []byte("3")}})
	r, _ := types{}.NewOutgoingResponse(ctx, h)
	b, err := r.Body(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Body(ctx)
	want(t, "body twice", err, struct{}{})
	s, err := b.Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Write(ctx)
	want(t, "write twice", err, struct{}{})
	if err := s.BlockingWriteAndFlush(ctx, []byte("ab")); err != nil {
		t.Fatal(err)
	}
	_ = s.(*iop2.Output).Drop(ctx)
	var e *cm.ResultError[ErrorCode]
	if err := (types{}).OutgoingBodyFinish(ctx, b, nil); !errors.As(err, &e) || e.Value.Tag != ErrorCodeTagHTTPResponseBodySize || *e.Value.HTTPResponseBodySize != 2 {
		t.Errorf("finish: %v", err)
	}
}

func TestHTTPErrorCode(t *testing.T) {
	ctx := t.Context()
	if c, err := (types{}).HTTPErrorCode(ctx, iop2.NewError(errors.New("no HTTP"))); err != nil || c != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	wrapped := fmt.Errorf("while reading: %w", wasihttp.Errorf(wasihttp.ResponseIncomplete, ""))
	if c, err := (types{}).HTTPErrorCode(ctx, iop2.NewError(wrapped)); err != nil || c == nil || c.Tag != ErrorCodeTagHTTPResponseIncomplete {
		t.Errorf("got %+v, %v", c, err)
	}
}

func outgoingTo(t *testing.T, to string) *outgoingRequest {
	ctx := t.Context()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := types{}.NewFields(ctx)
	r, _ := types{}.NewOutgoingRequest(ctx, h)
	path := u.RequestURI()
	for _, err := range []error{r.SetScheme(ctx, ptr(SchemeHTTP())), r.SetAuthority(ctx, &u.Host), r.SetPathWithQuery(ctx, &path), r.SetMethod(ctx, MethodPost())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r.(*outgoingRequest)
}

func TestOutgoingRequest(t *testing.T) {
	ctx := t.Context()
	r := outgoingTo(t, "http://h:1/p?q")
	want(t, "scheme", r.SetScheme(ctx, ptr(SchemeOther(""))), struct{}{})
	want(t, "authority", r.SetAuthority(ctx, ptr("")), struct{}{})
	want(t, "path", r.SetPathWithQuery(ctx, ptr("no path")), struct{}{})
	want(t, "method", r.SetMethod(ctx, MethodOther("no token")), struct{}{})
	if r.OutgoingMethod() != "POST" || r.OutgoingURL().String() != "http://h:1/p?q" {
		t.Errorf("told as %s %s", r.OutgoingMethod(), r.OutgoingURL())
	}
	r.OutgoingHeader().Set("Traceparent", "1")
	if r.OutgoingHeader().Get("Traceparent") != "1" {
		t.Error("the header is not the same at each call")
	}
	if err := r.SetScheme(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.Scheme(ctx); s != nil || r.OutgoingURL().Scheme != "https" {
		t.Errorf("without a scheme: %v, %s", s, r.OutgoingURL())
	}
	for _, err := range []error{r.SetAuthority(ctx, nil), r.SetPathWithQuery(ctx, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if a, _ := r.Authority(ctx); a != nil {
		t.Errorf("authority %v", a)
	}
}

func TestRequestOptions(t *testing.T) {
	ctx := t.Context()
	o, _ := types{}.NewRequestOptions(ctx)
	if d, _ := o.ConnectTimeout(ctx); d != nil {
		t.Errorf("a timeout that nobody set: %v", d)
	}
	most := clocksp2.Duration(1<<64 - 1)
	for _, err := range []error{o.SetConnectTimeout(ctx, ptr(clocksp2.Duration(5))), o.SetFirstByteTimeout(ctx, &most), o.SetBetweenBytesTimeout(ctx, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if d, _ := o.ConnectTimeout(ctx); *d != 5 {
		t.Errorf("got %v", *d)
	}
	if d := o.(*requestOptions).FirstByte; *d <= 0 {
		t.Errorf("an endless timeout became %v", *d)
	}
}

// heldCall makes a call as the engine does; its end is sent to the channel after the test has left it.
func heldCall(ctx context.Context) (context.Context, <-chan any, *cm.Crossing) {
	c := cm.NewCrossing(&cm.Boundary{Kind: cm.GuestToHost}, nil, ctx)
	ends := make(endHooks, 2)
	return cm.WithCall(c.Enter(ends), &c.Call), ends, c
}

// endHooks are hooks that send ends.
type endHooks chan any

func (endHooks) Enter(c *cm.Call) context.Context { return c.Context }

func (e endHooks) Exit(_ *cm.Call, end cm.End) {
	if end.Err != nil {
		e <- end.Err
		return
	}
	e <- end.Value
}

func TestHandle(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Header.Get("Traceparent"), b)
	}))
	defer s.Close()
	client := wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(_, _, port string) bool { return strings.HasSuffix(s.URL, ":"+port) }})
	defer client.Close()
	h := &outgoingHandler{client}

	t.Run("denied", func(t *testing.T) {
		ctx, ends, call := heldCall(t.Context())
		_, err := h.Handle(ctx, outgoingTo(t, "http://elsewhere/"), nil)
		want(t, "handle", err, ErrorCodeHTTPRequestDenied())
		if call.Held() || len(ends) > 0 {
			t.Error("the call of a request that is not made goes on")
		}
	})
	t.Run("too many", func(t *testing.T) {
		one := wasihttp.NewClient(wasihttp.ClientConfig{
			Allow:  func(_, _, _ string) bool { return true },
			Limits: wasihttp.Limits{Requests: 1},
		})
		defer one.Close()
		ctx, ends, call := heldCall(t.Context())
		open := &wasihttp.Exchanges{}
		start := func() error {
			_, err := open.Start(ctx, one, outgoingTo(t, s.URL).r, wasihttp.Options{}, &cm.Holding{}, func(*wasihttp.Exchange) {}, func(*http.Response) {})
			return err
		}
		err := start()
		call.Leave(cm.Val{}, cm.End{})
		if err != nil || !call.Held() {
			t.Fatal(err)
		}
		var limit *cm.LimitError
		if err := start(); !errors.As(err, &limit) || limit.Limit != "requests" || errorCode(err).Tag != ErrorCodeTagConnectionLimitReached {
			t.Errorf("a second one: %v", err)
		}
		open.Close()
		<-ends
	})
	t.Run("answered", func(t *testing.T) {
		ctx, ends, call := heldCall(t.Context())
		inner, cancel := context.WithCancel(ctx)
		r := outgoingTo(t, s.URL)
		r.OutgoingHeader().Set("Traceparent", "from the hook")
		b, _ := r.Body(ctx)
		f, err := h.Handle(inner, r, nil)
		call.Leave(cm.Val{}, cm.End{})
		cancel() // the call has returned
		if err != nil || !call.Held() {
			t.Fatal(err, call.Held())
		}
		w, _ := b.Write(ctx)
		if err := w.BlockingWriteAndFlush(ctx, []byte("body")); err != nil {
			t.Fatal(err)
		}
		_ = w.(*iop2.Output).Drop(ctx)
		if err := (types{}).OutgoingBodyFinish(ctx, b, nil); err != nil {
			t.Fatal(err)
		}
		p, _ := f.Subscribe(ctx)
		if err := p.Block(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := f.Get(ctx)
		if err != nil || got == nil || got.IsErr || got.OK.IsErr {
			t.Fatalf("get: %+v, %v", got, err)
		}
		if again, _ := f.Get(ctx); again == nil || !again.IsErr {
			t.Errorf("get again: %+v", again)
		}
		resp := got.OK.OK
		if st, _ := resp.Status(ctx); st != 200 {
			t.Errorf("status %d", st)
		}
		in, _ := resp.Consume(ctx)
		_, err = resp.Consume(ctx)
		want(t, "consume twice", err, struct{}{})
		_ = resp.(*incomingResponse).Drop(ctx) // the body lives on
		if len(ends) > 0 {
			t.Error("the call ended before the body was read")
		}
		stream, _ := in.Stream(ctx)
		var all []byte
		for {
			p, err := stream.BlockingRead(ctx, 100)
			if err != nil {
				want(t, "the end", err, iop2.StreamErrorClosed())
				break
			}
			all = append(all, p...)
		}
		if string(all) != "from the hook body" {
			t.Errorf("got %q", all)
		}
		if v, ok := (<-ends).(*http.Response); !ok || v.StatusCode != 200 {
			t.Errorf("the call ended with %v", v)
		}
	})
	t.Run("failed", func(t *testing.T) {
		s.Close()
		client.Close() // the idle connection
		ctx, ends, call := heldCall(t.Context())
		f, err := h.Handle(ctx, outgoingTo(t, s.URL), nil)
		call.Leave(cm.Val{}, cm.End{})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := f.Subscribe(ctx)
		if err := p.Block(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := f.Get(ctx)
		if err != nil || got == nil || !got.OK.IsErr || got.OK.Err.Tag != ErrorCodeTagConnectionRefused {
			t.Errorf("get: %+v, %v", got, err)
		}
		if err, ok := (<-ends).(error); !ok || !strings.Contains(err.Error(), "connection-refused") {
			t.Errorf("the call ended with %v", err)
		}
	})
}

func TestStoreEndsExchanges(t *testing.T) {
	arrived := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer s.Close()
	client := wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(_, _, _ string) bool { return true }})
	defer client.Close()
	open := &wasihttp.Exchanges{}
	ctx, ends, call := heldCall(t.Context())
	var x *wasihttp.Exchange
	if _, err := open.Start(ctx, client, outgoingTo(t, s.URL).r, wasihttp.Options{}, &cm.Holding{}, func(b *wasihttp.Exchange) { x = b }, func(*http.Response) {}); err != nil {
		t.Fatal(err)
	}
	call.Leave(cm.Val{}, cm.End{})
	<-arrived
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	if err, ok := (<-ends).(error); !ok {
		t.Errorf("the exchange went on: %v", err)
	}
	if err := wasiio.Wait(t.Context(), x.Ready()); err != nil {
		t.Error(err)
	}
}
