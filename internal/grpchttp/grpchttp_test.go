package grpchttp

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestIs(t *testing.T) {
	for s, want := range map[string]bool{
		"application/grpc": true, "application/grpc+proto": true, "Application/GRPC;x=y": true, "application/grpc ; x": true,
		"application/grpc-web": false, "application/grpc-web+proto": false, "application/grpcx": false, "application/json": false, "": false,
	} {
		if got := Is(http.Header{"Content-Type": {s}}); got != want {
			t.Errorf("%q: %t", s, got)
		}
	}
	if Is(http.Header{}) {
		t.Error("no content type is gRPC's")
	}
}

func TestTimeout(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0n": 0, "1n": 1, "20u": 20 * time.Microsecond, "300m": 300 * time.Millisecond, "4S": 4 * time.Second, "5M": 5 * time.Minute,
		"6H": 6 * time.Hour, "99999999H": math.MaxInt64, "00000001S": time.Second,
	} {
		if got, ok := TimeoutOf(http.Header{Timeout: {s}}); got != want || !ok {
			t.Errorf("%s: %s %t, want %s", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", " 1S", "1 S", "1S "} {
		if got, ok := TimeoutOf(http.Header{Timeout: {s}}); ok {
			t.Errorf("%q is a timeout: %s", s, got)
		}
	}
	if _, ok := TimeoutOf(http.Header{Timeout: {"1S", "2S"}}); ok {
		t.Error("two timeouts are one")
	}
	for d, want := range map[time.Duration]string{
		-1: "0n", 0: "0n", 99_999_999: "99999999n", 100_000_000: "100000u", 100_000_001: "100001u", time.Second: "1000000u",
	} {
		if got := FormatTimeout(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestMethod(t *testing.T) {
	for path, want := range map[string]string{"/a.B/C": "a.B/C", "/a/b/c": "", "/a": "", "a/b": "", "//b": "", "/a/": "", "": ""} {
		if got := Method(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	for s, want := range map[string]string{"0": "OK", "4": "DEADLINE_EXCEEDED", "16": "UNAUTHENTICATED", "17": "17", "255": "255"} {
		if c, ok := ParseStatus(s); !ok || c.String() != want {
			t.Errorf("%s: %s %t, want %s", s, c, ok, want)
		}
	}
	for _, s := range []string{"", "-1", "+1", "256", "x", "1 "} {
		if c, ok := ParseStatus(s); ok {
			t.Errorf("%q is a status: %s", s, c)
		}
	}
	if got := EscapeMessage("100% über\n"); got != "100%25 %C3%BCber%0A" {
		t.Error(got)
	}
}
