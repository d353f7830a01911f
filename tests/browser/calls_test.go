package browser

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// calls is OTLP JSON of two traces: front calls back, which fails once, and asks a database.
func calls() string {
	now := time.Now().UnixNano()
	var resources []string
	for n := range 2 {
		trace := fmt.Sprintf("%032x", n+1)
		one := func(service, id, parent, name string, kind, status int, attributes string) string {
			return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[{"traceId":%q,"spanId":%q,"parentSpanId":%q,"name":%q,"kind":%d,"startTimeUnixNano":%q,"endTimeUnixNano":%q,"status":{"code":%d},"attributes":[%s]}]}]}`,
				service, trace, id, parent, name, kind, strconv.FormatInt(now, 10), strconv.FormatInt(now+5e6, 10), status, attributes)
		}
		resources = append(resources,
			one("front", "00000000000000a1", "", "GET /", 2, 0, ""), one("front", "00000000000000a2", "00000000000000a1", "GET", 3, 0, `{"key":"server.address","value":{"stringValue":"back.internal"}}`),
			one("back", "00000000000000a3", "00000000000000a2", "GET /stock", 2, 2*n, ""), one("back", "00000000000000a4", "00000000000000a3", "SELECT", 3, 0, `{"key":"db.system.name","value":{"stringValue":"postgresql"}}`))
	}
	return `{"resourceSpans":[` + strings.Join(resources, ",") + `]}`
}
