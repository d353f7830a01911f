package instance

import (
	"strings"
	"testing"
)

func TestPanicMessage(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"rust":        {"before\n\nthread 'main' panicked at src/main.rs:15:28:\nthe cart is broken: 3 prices\nnote: run with `RUST_BACKTRACE=1` environment variable\n", "panicked at src/main.rs:15:28: the cart is broken: 3 prices"},
		"rust, id":    {"thread 'main' (1) panicked at src/lib.rs:1:1:\ncalled `Result::unwrap()` on an `Err` value: \"x\"\nstack backtrace:\n   0: a\n", "panicked at src/lib.rs:1:1: called `Result::unwrap()` on an `Err` value: \"x\""},
		"several":     {"thread 'a' panicked at a.rs:1:1:\nfirst\nthread 'b' panicked at b.rs:2:2:\nsecond\n", "panicked at b.rs:2:2: second"},
		"go":          {"panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.total()\n", "runtime error: index out of range [5] with length 3"},
		"go, nested":  {"panic: first [recovered]\n\tpanic: second\n\ngoroutine 1 [running]:\n", "second"},
		"go, fatal":   {"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select]:\n", "all goroutines are asleep - deadlock!"},
		"tinygo":      {"panic: boom\n", "boom"},
		"c":           {"Assertion failed: n > 0 (cart.c: total: 12)\n", "Assertion failed: n > 0 (cart.c: total: 12)"},
		"c++":         {"libc++abi: terminating due to uncaught exception of type std::runtime_error: the cart is broken\n", "libc++abi: terminating due to uncaught exception of type std::runtime_error: the cart is broken"},
		"js":          {"Uncaught TypeError: cart is undefined\n    at total (cart.js:3:4)\n", "Uncaught TypeError: cart is undefined"},
		"plain lines": {"GET /cart 200\n", ""},
		"nothing":     {"", ""},
		"no UTF-8":    {"panic: \xff\n", "\uFFFD"},
	} {
		if got := panicMessage([]byte(c.text)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := panicMessage([]byte("panic: " + strings.Repeat("ä", maxPanic))); len(got) > maxPanic || !strings.HasSuffix(got, "ä") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-3:])
	}
}
