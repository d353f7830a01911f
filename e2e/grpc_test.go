package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// grpcGuests serve vitrine.test.Echo and call it.
var grpcGuests = []string{"rust-grpc-p2", "rust-grpc-p3"}

const echo = "/vitrine.test.Echo/"

// A text is a message. Several, one behind the other, are the encoding of one with all of the texts.
func words(of ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: of} }

// grpcTo is a client of grpc-go.
func grpcTo(t *testing.T, base string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(base, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// within bounds a call that has no deadline of its own.
func within(t *testing.T, pairs ...string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), pairs...), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// stream opens a stream of messages both ways.
func stream(ctx context.Context, t *testing.T, c *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	s, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, echo+method)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// received are the messages of a stream, and its end.
func received(s grpc.ClientStream) (all []string, err error) {
	for {
		m := words()
		if err := s.RecvMsg(m); err != nil {
			return all, err
		}
		all = append(all, strings.Join(m.Paths, "+"))
	}
}

// TestGRPCServed: components serve a client of grpc-go: every kind of call, every status, in the head and in the trailers.
func TestGRPCServed(t *testing.T) {
	for _, guest := range grpcGuests {
		t.Run(guest, func(t *testing.T) {
			collector := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, testref.File(t, guest))
			c := grpcTo(t, s.base)
			var head, end metadata.MD
			got := words()
			if err := c.Invoke(within(t), echo+"Unary", words("hello"), got, grpc.Header(&head), grpc.Trailer(&end)); err != nil ||
				!slices.Equal(got.Paths, []string{"hello"}) || len(head["x-begin"]) != 1 || len(end["x-end"]) != 1 {
				t.Errorf("unary: %v, %v, head %v, trailers %v", got, err, head, end)
			}
			large := strings.Repeat("x", 1<<20)
			if err := c.Invoke(within(t), echo+"Unary", words(large), got); err != nil || got.Paths[0] != large {
				t.Errorf("a message of 1 MiB: %v", err)
			}
			checkServedStreams(t, c)
			checkServedStatus(t, c)
			s.stop()
			checkRPCSpans(t, collector, "SPAN_KIND_SERVER")
		})
	}
}

func checkServedStreams(t *testing.T, c *grpc.ClientConn) {
	s := stream(within(t), t, c, "Repeat")
	_ = s.SendMsg(words("again"))
	_ = s.CloseSend()
	if all, err := received(s); err != io.EOF || strings.Join(all, " ") != "again again again" {
		t.Errorf("server stream: %q, %v", all, err)
	}
	s = stream(within(t), t, c, "Collect")
	for i := range 100 {
		_ = s.SendMsg(words(strconv.Itoa(i)))
	}
	_ = s.CloseSend()
	if all, err := received(s); err != io.EOF || len(all) != 1 || strings.Count(all[0], "+") != 99 {
		t.Errorf("client stream: %q, %v", all, err)
	}
	s = stream(within(t), t, c, "Chat")
	if head, err := s.Header(); err != nil || len(head["x-begin"]) != 1 { // before the first message, and before the request's end
		t.Errorf("the head of a stream both ways: %v, %v", head, err)
	}
	for i := range 20 {
		m := words()
		if err := errors.Join(s.SendMsg(words(strconv.Itoa(i))), s.RecvMsg(m)); err != nil || m.Paths[0] != strconv.Itoa(i) {
			t.Fatalf("message %d of a stream both ways: %v, %v", i, m, err)
		}
	}
	_ = s.CloseSend()
	if all, err := received(s); err != io.EOF || len(all) != 0 || len(s.Trailer()["x-end"]) != 1 {
		t.Errorf("the end of a stream both ways: %q, %v, %v", all, err, s.Trailer())
	}
	s = stream(within(t), t, c, "Enough")
	_ = s.SendMsg(words("one"))
	if all, err := received(s); err != io.EOF || strings.Join(all, " ") != "one" {
		t.Errorf("a status while the client could go on: %q, %v", all, err)
	}
}

func checkServedStatus(t *testing.T, c *grpc.ClientConn) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		ctx := within(t, "x-status", strconv.Itoa(int(code)))
		if err := c.Invoke(ctx, echo+"Fail", words(), words()); status.Code(err) != code || status.Convert(err).Message() != "told to fail" {
			t.Errorf("%s in the head: %v", code, err)
		}
		s := stream(ctx, t, c, "FailAfter")
		_ = s.SendMsg(words("one"))
		_ = s.CloseSend()
		if all, err := received(s); status.Code(err) != code || len(all) != 1 {
			t.Errorf("%s in the trailers: %q, %v", code, all, err)
		}
	}
	// What the host says in the guest's place, as its clients understand it.
	for method, want := range map[string]codes.Code{"Trap": codes.Internal, "TrapAfter": codes.Internal, "Nothing": codes.Unimplemented} {
		if err := c.Invoke(within(t), echo+method, words(), words()); status.Code(err) != want {
			t.Errorf("%s: %v, want %s", method, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(within(t), 300*time.Millisecond)
	defer cancel()
	if err := c.Invoke(ctx, echo+"Wait", words(), words()); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(within(t))
	s := stream(ctx, t, c, "Chat")
	if _, err := s.Header(); err != nil {
		t.Error(err)
	}
	cancel()
	if _, err := received(s); status.Code(err) != codes.Canceled {
		t.Errorf("a cancelled call: %v", err)
	}
}

// checkRPCSpans compares what the spans of a kind say of calls.
func checkRPCSpans(t *testing.T, c *otlptest.Collector, kind string) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range c.Spans() {
		if s.Kind.String() != kind {
			continue
		}
		of := map[string]string{}
		for _, a := range s.Attributes {
			of[a.Key] = a.Value.GetStringValue()
			if a.Key == "rpc.grpc.status_code" {
				of[a.Key] = strconv.FormatInt(a.Value.GetIntValue(), 10)
			}
		}
		if of["rpc.system.name"] != "grpc" && of["http.request.method"] == "POST" {
			t.Errorf("%v is no call", s)
		}
		seen[fmt.Sprint(of["rpc.method"], " ", of["rpc.grpc.status_code"], " ", of["rpc.response.status_code"], " ", of["error.type"], of["vitrine.outcome"])] = true
	}
	want := []string{"vitrine.test.Echo/Unary 0 OK ", "vitrine.test.Echo/Chat 0 OK ", "vitrine.test.Echo/Fail 14 UNAVAILABLE UNAVAILABLE",
		"vitrine.test.Echo/FailAfter 13 INTERNAL INTERNAL"}
	if kind == "SPAN_KIND_SERVER" { // a client's mistake is no failure of the server
		want = append(want, "vitrine.test.Echo/Fail 5 NOT_FOUND ", "vitrine.test.Echo/Trap 13 INTERNAL trap.unreachable", "vitrine.test.Echo/Nothing 12 UNIMPLEMENTED UNIMPLEMENTED",
			"vitrine.test.Echo/Chat   cancelled")
	} else {
		want = append(want, "vitrine.test.Echo/Fail 5 NOT_FOUND NOT_FOUND")
	}
	for _, w := range want {
		if !seen[w] {
			t.Errorf("no span has %q; there are %q", w, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// echoServer is a server of grpc-go; waits gets the cause with which each call of Wait has ended.
func echoServer(t *testing.T, options ...grpc.ServerOption) (address string, waits chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	waits = make(chan error, 10)
	s := grpc.NewServer(append(options, grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error { return serveEcho(s, waits) }))...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() { s.Stop(); <-done })
	return l.Addr().String(), waits
}

func serveEcho(s grpc.ServerStream, waits chan error) error {
	method, _ := grpc.MethodFromServerStream(s)
	in, _ := metadata.FromIncomingContext(s.Context())
	if te := in["te"]; len(te) > 0 && te[0] != "trailers" {
		return status.Error(codes.InvalidArgument, "te")
	}
	s.SetTrailer(metadata.Pairs("x-end", "seen"))
	failed := codes.OK
	if v := in["x-status"]; len(v) > 0 {
		n, _ := strconv.Atoi(v[0])
		failed = codes.Code(n)
	}
	name := strings.TrimPrefix(method, echo)
	if name == "Fail" {
		return status.Error(failed, "told to fail")
	}
	if err := s.SendHeader(metadata.Pairs("x-begin", "seen")); err != nil {
		return err
	}
	switch name {
	case "Wait":
		at, ok := s.Context().Deadline()
		<-s.Context().Done()
		if left := time.Until(at); !ok || left > time.Minute {
			waits <- fmt.Errorf("a deadline in %s, %t", left, ok)
		} else {
			waits <- context.Cause(s.Context())
		}
		return s.Context().Err()
	case "Collect":
		all := words()
		for m := words(); s.RecvMsg(m) == nil; m = words() {
			all.Paths = append(all.Paths, m.Paths...)
		}
		return s.SendMsg(words(strings.Join(all.Paths, "+")))
	}
	for {
		m := words()
		if err := s.RecvMsg(m); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		for range map[string]int{"Repeat": 3}[name] - 1 {
			_ = s.SendMsg(m)
		}
		if err := s.SendMsg(m); err != nil {
			return err
		}
		if failed != codes.OK {
			return status.Error(failed, "told to fail")
		}
	}
}

// TestGRPCCalled: components call a server of grpc-go by HTTP/2 without TLS, which a grant names.
func TestGRPCCalled(t *testing.T) {
	at, waits := echoServer(t)
	for _, guest := range grpcGuests {
		t.Run(guest, func(t *testing.T) {
			collector := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
				"--allow-http", "h2c://"+at, testref.File(t, guest))
			call := func(method, query, want string) {
				t.Helper()
				s.expect("/call/"+method+"?url=http://"+at+query, "", 200, want)
			}
			call("Unary", "", "head x-begin=seen\ngot message 0\nstatus 0 seen\n")
			call("Repeat", "", "head x-begin=seen\ngot message 0\ngot message 0\ngot message 0\nstatus 0 seen\n")
			call("Collect", "&n=3", "head x-begin=seen\ngot message 0+message 1+message 2\nstatus 0 seen\n")
			call("Chat", "&n=3", "head x-begin=seen\ngot message 0\ngot message 1\ngot message 2\nstatus 0 seen\n")
			for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
				call("Fail", fmt.Sprintf("&x-status=%d", code), fmt.Sprintf("head x-begin=\nstatus %d in the head\n", code))
				call("FailAfter", fmt.Sprintf("&x-status=%d", code), fmt.Sprintf("head x-begin=seen\ngot message 0\nstatus %d seen\n", code))
			}
			_, text, err := s.get("/call/Wait?url=http://"+at+"&grpc-timeout=200m", "")
			if why := <-waits; err != nil || why != context.DeadlineExceeded && why != context.Canceled || !strings.Contains(text, "status") {
				t.Errorf("a deadline of the guest's: %q, %v; the server saw %v", text, err, why)
			}
			s.stop()
			checkRPCSpans(t, collector, "SPAN_KIND_CLIENT")
		})
	}
}

// TestGRPCPassedOn: the deadline of a client, and its going away, reach the server that a component asks.
func TestGRPCPassedOn(t *testing.T) {
	at, waits := echoServer(t)
	s := up(t, nil, "--allow-http", "h2c://"+at, testref.File(t, "rust-grpc-p3"))
	c := grpcTo(t, s.base)
	got := words()
	if err := c.Invoke(within(t, "x-forward", "http://"+at), echo+"Unary", words("far"), got); err != nil || got.Paths[0] != "far" {
		t.Errorf("a forwarded call: %v, %v", got, err)
	}
	if err := c.Invoke(within(t, "x-forward", "http://"+at, "x-status", "5"), echo+"Fail", words("far"), got); status.Code(err) != codes.NotFound {
		t.Errorf("a forwarded status: %v", err)
	}
	chat := stream(within(t, "x-forward", "http://"+at), t, c, "Chat")
	for i := range 5 {
		m := words()
		if err := errors.Join(chat.SendMsg(words(strconv.Itoa(i))), chat.RecvMsg(m)); err != nil || m.Paths[0] != strconv.Itoa(i) {
			t.Fatalf("message %d: %v, %v", i, m, err)
		}
	}
	_ = chat.CloseSend()
	if _, err := received(chat); err != io.EOF {
		t.Error(err)
	}
	// The server that the component asks has the client's deadline, which is shorter than that of the component.
	ctx, cancel := context.WithTimeout(within(t, "x-forward", "http://"+at), 500*time.Millisecond)
	defer cancel()
	if err := c.Invoke(ctx, echo+"Wait", words(), got); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a deadline: %v", err)
	}
	if why := <-waits; why != context.DeadlineExceeded && why != context.Canceled {
		t.Errorf("the deadline came as %v", why)
	}
	ctx, leave := context.WithCancel(within(t, "x-forward", "http://"+at))
	wait := stream(ctx, t, c, "Wait")
	if _, err := wait.Header(); err != nil { // the server has the call
		t.Error(err)
	}
	leave()
	if why := <-waits; why != context.Canceled {
		t.Errorf("the cancellation came as %v", why)
	}
}
