package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/telemetry"
)

// TestAccessLine: a request is one line, whatever its client has put into it.
func TestAccessLine(t *testing.T) {
	end := time.Date(2026, 1, 2, 12, 43, 1, 0, time.UTC)
	for want, a := range map[string]telemetry.Access{
		"12:43:01 GET /cart/7 200 3.1ms cart 4bf92f35\n":                  {Method: "GET", Path: "/cart/7", Status: 200, Duration: 3123 * time.Microsecond, Component: "cart"},
		"12:43:01 GET /a 504 1.52s cart deadline 4bf92f35\n":              {Method: "GET", Path: "/a", Status: 504, Duration: 1519 * time.Millisecond, Component: "cart", ErrorType: "deadline"},
		"12:43:01 GET /a - 304ms cart 4bf92f35\n":                         {Method: "GET", Path: "/a", Duration: 304123 * time.Microsecond, Component: "cart"},
		"12:43:01 GET /x%20200%201ms%0Acart%1B%5B2J 404 7µs c 4bf92f35\n": {Method: "GET", Path: "/x 200 1ms\ncart\x1b[2J", Status: 404, Duration: 7 * time.Microsecond, Component: "c"},
	} {
		a.Start = end.Add(-a.Duration)
		if got := accessLine(&a, "4bf92f3577b34da6a3ce929d0e0e4736"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	long := telemetry.Access{Method: strings.Repeat("M", 1<<16), Path: "/" + strings.Repeat("é", 1<<16), Component: "c", Status: 200}
	if line := accessLine(&long, ""); len(line) > 1200 || strings.Count(line, "\n") != 1 {
		t.Errorf("%d bytes: %q", len(line), line)
	}
}
