package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// TestGoHelpers: a component in plain Go writes lines by log/slog, stores values and reads its configuration, by the packages of the SDK.
func TestGoHelpers(t *testing.T) {
	component := goComponent(t, "go-helpers")
	if info, err := os.Stat(component); err != nil || info.Size() > 7_500_000 {
		t.Errorf("the component has %d bytes (%v): does it link crypto/tls, which nothing in it calls?", info.Size(), err)
	}
	manifest := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - name: app
      source: {file: %q}
      instances: {isolation: reuse, max: 1, uses: 100000}
      config: {greeting: hi, empty: ""}
      grants:
        keyvalue: {default: {sqlite: a.db}, other: {sqlite: b.db}}
        secrets: {token: {env: HELPERS_TOKEN}}
  triggers:
    - http: {path: /, component: app}
`, component)
	if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := otlptest.New(t)
	s := up(t, []string{"HELPERS_TOKEN=xyzzy", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, manifest)
	for path, want := range map[string]string{
		"/config": "greeting: \"hi\" true <nil>\nempty: \"\" true <nil>\nnone: \"\" false <nil>\ntoken: \"xyzzy\" true <nil>\nmap[empty: greeting:hi] <nil>\n",
		"/store": `get: false <nil>
set: <nil> <nil>
get: true true <nil>
empty: 0 true true <nil>
exists: true <nil>
delete: <nil> <nil>
exists: false <nil>
increment: 5 <nil>
increment: -2 <nil>
increment: keyvalue: increment default: empty: the value is not a number
swap: false <nil>
swap: true <nil>
swap: false <nil>
swap: true <nil>
swap: false <nil>
swap: true <nil>
swapped: 4 <nil>
update: <nil> true
updated: 45 <nil>
`,
		"/many": "<nil>\n2500 2499 <nil>\n<nil>\n2000 false true\n",
		"/errors": `keyvalue: open none: no such store: the workload grants none of this name true true
<nil> <nil>
keyvalue: get default: a: the bucket is closed true
"" keyvalue: list default: the bucket is closed
keyvalue: swap default: a: the bucket is closed
`,
		"/leaves": "",
	} {
		t.Run(path[1:], func(t *testing.T) { s.expect(path, "", 200, want) })
	}
	trace := func(n int) string { return fmt.Sprintf("0af7651916cd43dd8448eb211c8031%02x", n) }
	var all sync.WaitGroup
	for n := range 20 {
		for _, path := range []string{"/race", fmt.Sprint("/log?n=", n)} {
			all.Go(func() {
				if status, body, err := s.get(path, "", "traceparent", "00-"+trace(n)+"-b7ad6b7169203331-01"); status != 200 || body != "" || err != nil {
					t.Errorf("%s: %d %q %v", path, status, body, err)
				}
			})
		}
	}
	all.Wait()
	s.waitForConsole("printed 7")
	console := s.stderr()
	for _, line := range []string{`WARN \S+ \[app stdout\] :: begun n=7 order.items=\S+ order.price.amount=2.5\n`, `ERROR \S+ \[app stdout\] :: failed n=7 order.error="no room"\n`, `INFO \S+ \[app stdout\] :: printed 7\n`} {
		if !regexp.MustCompile(line).MatchString(console) {
			t.Errorf("the console has no line %s: %s", line, console)
		}
	}
	s.stop()
	seen := map[string]int{}
	for _, r := range c.Records() {
		message := r.Body.GetStringValue()
		var n int
		if rest, printed := strings.CutPrefix(message, "printed "); printed {
			fmt.Sscan(rest, &n)
			message = "printed"
		}
		attributes := map[string]string{}
		for _, a := range r.Attributes {
			attributes[a.Key] = a.Value.String()
		}
		want, known := map[string]int{"begun": 13, "failed": 17, "printed": 9}[message]
		if !known || message == "failed" && attributes["order.error"] == "" {
			continue
		}
		if message != "printed" {
			fmt.Sscanf(attributes["n"], `string_value:"%d"`, &n)
		}
		seen[message]++
		if got := hex.EncodeToString(r.TraceId); got != trace(n) || int(r.SeverityNumber) != want || len(r.SpanId) == 0 {
			t.Errorf("%s of %d: trace %s, severity %d", message, n, got, r.SeverityNumber)
		}
	}
	for _, message := range []string{"begun", "failed", "printed"} {
		if seen[message] != 20 {
			t.Errorf("%d records say %q", seen[message], message)
		}
	}
}
