package e2e

import (
	"bytes"
	leb "encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/workload"
)

// limitCase is one limit, a way to exceed it, and all its reports.
type limitCase struct {
	limit string // by its key in the workload
	name  string
	// try exceeds the limit, with env for telemetry, and returns the client's and the console's text.
	try func(t *testing.T, env []string) (said string)

	guest  string   // part of README's cell of what the guest gets; "" if that is empty
	output string   // part of try's result; "" if that is empty
	spans  []string // kind, status and error.type of each span with this vitrine.limit
	metric string   // the metric that counts it, and its attribute
}

// tryRequest sends a request to testdata/hostile/http.wasm at /bad, under limits.
func tryRequest(limits, path, body string, status int, header ...string) func(*testing.T, []string) string {
	return func(t *testing.T, env []string) string {
		s := hostileEnv(t, env, limits)
		got, text, err := s.get(path, body, header...)
		if err != nil || got != status {
			t.Errorf("%s: %d %q, %v; wanted %d", path, got, text, err, status)
		}
		s.stop()
		return text + s.stderr()
	}
}

// tryCommand runs a command.
func tryCommand(code int, args ...string) func(*testing.T, []string) string {
	return func(t *testing.T, env []string) string {
		got, out, errs := runEnv(t, env, "", args...)
		if got != code {
			t.Errorf("%v: exit %d, %q %s; wanted %d", args, got, out, errs, code)
		}
		return out + errs
	}
}

// tryOpens runs testdata/hostile/opens.wasm, which opens files, sockets and requests until it is refused.
func tryOpens(flag string) func(*testing.T, []string) string {
	return func(t *testing.T, env []string) string {
		over := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}))
		defer srv.Close()
		defer close(over)
		args := []string{"run", "--files", "1000", "--sockets", "1000", "--requests", "1"}
		args[slices.Index(args, flag)+1] = "3"
		return tryCommand(1, append(args, "--dir", t.TempDir()+"::.", "--allow-http", "*", "../testdata/hostile/opens.wasm",
			strings.TrimPrefix(srv.URL, "http://"))...)(t, env)
	}
}

var limitCases = []limitCase{
	{"deadline", "a loop", tryRequest("deadline: 200ms, fuel: 1T", "/bad/s", "", 504),
		"trap `deadline`", "trap: deadline: bad: the invocation took longer than 200ms",
		[]string{"internal error deadline", "server error deadline"}, "vitrine.traps deadline"},
	{"fuel", "a loop", tryRequest("fuel: 30M", "/bad/s", "", 500),
		"trap `fuel`", "trap: fuel: the guest has done the work that it may do: 30000000 loop iterations and function entries",
		[]string{"internal error fuel", "server error fuel"}, "vitrine.traps fuel"},
	{"memory", "memory.grow", tryRequest("memory: 32Mi", "/bad/m", "", 500),
		"`memory.grow` fails", "the component failed",
		[]string{"internal unset"}, "vitrine.limits memory"},
	{"memory", "at the start", tryCommand(134, "run", "--memory", "1Ki", "../testdata/hostile/opens.wasm"),
		"trap `memory`", "the module's memory starts with 65536 bytes, of the limit of 1024 bytes 0 are taken",
		[]string{"internal error memory", "internal error memory"}, "vitrine.traps memory"},
	{"stack", "recursion", tryRequest("stack: 1Mi", "/bad/r", "", 500),
		"trap `call-stack-exhausted`", "trap: call stack exhausted: the guest's calls need more stack than the limit of 1048576 bytes",
		[]string{"internal error call-stack-exhausted", "server error call-stack-exhausted"}, "vitrine.traps call-stack-exhausted"},
	{"tables", "table.grow", tryRequest("tables: 5000", "/bad/t", "", 500),
		"`table.grow` fails", "the component failed",
		[]string{"internal unset"}, "vitrine.limits tables"},
	{"tables", "at the start", tryCommand(134, "up", "--listen", "127.0.0.1:0", "--tables", "1", "../testdata/guests/prebuilt/shop-composed.component.wasm"),
		"trap `memory`", "which is past the limit of 1 for all tables",
		[]string{"internal error memory", "internal error memory", "internal error memory"}, "vitrine.traps memory"},
	{"callDepth", "component to component", nestedCalls, "trap `call-depth`", "2 nested calls between components are under way",
		[]string{"internal error call-depth", "internal error call-depth", "internal error call-depth", "server error call-depth"}, "vitrine.traps call-depth"},
	{"handles", "pollables", tryRequest("handles: 1000", "/bad/h", "", 500),
		"trap `handle-table-full`", "handle table is full with 1000 handles",
		[]string{"internal error handle-table-full", "server error handle-table-full"}, "vitrine.traps handle-table-full"},
	{"hostMemory", "pollables", tryRequest("hostMemory: 64Ki", "/bad/h", "", 500),
		"trap `host-memory`", "65536 is the most (hostMemory, --host-memory)",
		[]string{"internal error host-memory", "server error host-memory"}, "vitrine.traps host-memory"},
	{"files", "open-at", tryOpens("--files"), "`insufficient-memory`", "",
		[]string{"internal unset"}, "vitrine.limits files"},
	{"sockets", "create-tcp-socket", tryOpens("--sockets"), "`new-socket-limit`", "",
		[]string{"internal unset"}, "vitrine.limits sockets"},
	{"requests", "handle", tryOpens("--requests"), "`connection-limit-reached`", "",
		[]string{"client error requests"}, "vitrine.limits requests"},
	{"headers", "of a request", tryRequest("headers: 4Ki", "/bad/x", "", 431, "X-Large", strings.Repeat("x", 5<<10)),
		"the client 431", "the request's head is larger than 4096 bytes",
		[]string{"server unset headers"}, "vitrine.traps headers"},
	{"body", "of a request, announced", tryRequest("body: 10", "/bad/x", "eleven byte", 413),
		"the client 413", "the request's body is larger than 10 bytes",
		[]string{"server unset body"}, "vitrine.traps body"},
	{"headers", "of an answer", tryFetch("--headers", "4Ki"), "`HTTP-response-header-section-size`", "502 upstream: ErrorCode::HttpResponseHeaderSectionSize(None)",
		[]string{"client error headers"}, "vitrine.limits headers"},
	{"body", "of a request, as it comes", trySend, "the client 413", "the request's body is larger than 10 bytes",
		[]string{"internal error body", "server unset body"}, "vitrine.traps body"},
	{"body", "of an answer", tryFetch("--body", "10"), "`HTTP-response-body-size`", "splice: http: HTTP-response-body-size: the body is longer than the host allows (10)",
		[]string{"client error body", "internal unset"}, "vitrine.limits body"},
	{"outputLines", "stdout", tryRequest("outputLines: 100", "/bad/f", "", 500),
		"further lines are dropped; one log line reports it", "this invocation has reached its limit of 100 lines; further lines are dropped", nil, "vitrine.output.dropped outputLines"},
	{"outputBytes", "stdout", tryRequest("outputBytes: 4Ki", "/bad/f", "", 500),
		"the same", "this invocation has reached its limit of 4Ki of lines; further lines are dropped", nil, "vitrine.output.dropped outputBytes"},
	{"outputLinesPerSecond", "stdout", tryRequest("outputLinesPerSecond: 100", "/bad/f", "", 500),
		"`vitrine.output.dropped` counts the dropped lines of all four", "the component logs more than 100 lines a second; lines beyond that are dropped", nil, "vitrine.output.dropped outputLinesPerSecond"},
	{"outputBytesPerSecond", "stdout", tryRequest("outputBytesPerSecond: 4Ki", "/bad/f", "", 500),
		"the same", "the component logs more than 4Ki a second; lines beyond that are dropped", nil, "vitrine.output.dropped outputBytesPerSecond"},
	{"instances", "one more than run and wait", overload, "trap `overload`", "trap: overload: bad: 1 instances run and 1 invocations wait",
		[]string{"internal error overload", "server error overload"}, "vitrine.traps overload"},
}

// nestedCalls calls a component that calls a second one, which calls a third.
func nestedCalls(t *testing.T, env []string) string {
	s := up(t, env, "--call-depth", "2", "../testdata/guests/prebuilt/shop-composed.component.wasm")
	s.expect("/total", "", 500, "the component failed\n")
	s.stop()
	return s.stderr()
}

const httpGuest = "../testdata/guests/prebuilt/rust-http-full-p2.component.wasm"

// tryFetch has a guest fetch a response with headers of 5000 bytes and a body of 50.
func tryFetch(flags ...string) func(*testing.T, []string) string {
	return func(t *testing.T, env []string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 5000))
			_, _ = w.Write(make([]byte, 50))
		}))
		defer srv.Close()
		s := up(t, env, append(flags, "--allow-http", "*", httpGuest)...)
		status, text, err := s.get("/fetch?url="+srv.URL+"/", "")
		s.stop()
		return fmt.Sprintln(status, text, err) + s.stderr()
	}
}

// trySend sends a body without Content-Length to a guest that reads it.
func trySend(t *testing.T, env []string) string {
	s := up(t, env, "--body", "10", httpGuest)
	resp, err := http.Post(s.base+"/count", "", io.MultiReader(strings.NewReader("eleven byte")))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("%s", resp.Status)
	}
	s.stop()
	return s.stderr()
}

// overload sends requests that do not end until their deadline.
func overload(t *testing.T, env []string) string {
	s := hostileEnv(t, env, "deadline: 2s, fuel: 1T", "--max-instances", "1", "--queue", "1")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { _, _, _ = s.get("/bad/s", "") })
	}
	wg.Wait()
	s.stop()
	return s.stderr()
}

// TestEveryLimit exceeds each limit of the real binary and checks what the guest, the client, the console, the spans and the
// metrics report, as a collector receives them.
func TestEveryLimit(t *testing.T) {
	for _, c := range limitCases {
		t.Run(c.limit+" "+c.name, func(t *testing.T) {
			collector := otlptest.New(t)
			said := c.try(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL})
			if !strings.Contains(said, c.output) || c.output == "" && said != "" {
				t.Errorf("%q is not reported: %s", c.output, said)
			}
			if got := limitSpans(collector, c.limit); !slices.Equal(got, c.spans) {
				t.Errorf("spans: %q, wanted %q", got, c.spans)
			}
			if got := limitCounters(collector); !slices.Contains(got, c.metric) {
				t.Errorf("metrics: %q, wanted %q", got, c.metric)
			}
		})
	}
}

// TestEveryLimitIsDocumented: limitCases, README and workload.Limits have the same limits and defaults.
func TestEveryLimitIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n## Limits\n"))
	text, _, _ = bytes.Cut(text, []byte("\n### "))
	readme := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]*) \\| ([^|]*) \\| ([^|]*)\\|$").FindAllStringSubmatch(string(text), -1) {
		readme[row[1]] = row[2:]
	}
	defaults := reflect.ValueOf(workload.DefaultLimits())
	for i := range defaults.NumField() {
		name := defaults.Type().Field(i).Name
		key := strings.ToLower(name[:1]) + name[1:]
		if !slices.ContainsFunc(limitCases, func(c limitCase) bool { return c.limit == key }) {
			t.Errorf("%s: limitCases does not have it", key)
		}
		row := readme[key]
		if row == nil {
			t.Errorf("%s: README does not have it", key)
			continue
		}
		delete(readme, key)
		if said, err := parseDefault(row[0]); err != nil || said != fmt.Sprint(defaults.Field(i).Convert(reflect.TypeFor[int64]()).Int()) {
			t.Errorf("%s: README says %s, %v; the default is %v", key, row[0], err, defaults.Field(i))
		}
		for _, c := range limitCases {
			if c.limit == key && (!strings.Contains(row[2], c.guest) || c.guest == "" && row[2] != "") {
				t.Errorf("%s, %s: README says %q, and not %q", key, c.name, row[2], c.guest)
			}
		}
	}
	for key := range readme {
		t.Errorf("%s: README has it, workload.Limits does not", key)
	}
}

// parseDefault reads a default of README: "30s", "100G", "1Gi", "256".
func parseDefault(s string) (string, error) {
	if d, err := workload.ParseDuration(s); err == nil {
		return fmt.Sprint(int64(d)), nil
	}
	if n, err := workload.ParseCount(s); err == nil {
		return fmt.Sprint(n), nil
	}
	n, err := workload.ParseSize(s)
	return fmt.Sprint(n), err
}

// TestLimitsOfComponents: a component over a fixed limit does not start, and the message says why.
func TestLimitsOfComponents(t *testing.T) {
	const header = "\x00asm\x0d\x00\x01\x00"
	section := func(id byte, content []byte) []byte {
		return append(leb.AppendUvarint([]byte{id}, uint64(len(content))), content...)
	}
	types := func(n int, first string, next func(i byte) string) []byte {
		content := leb.AppendUvarint(nil, uint64(n))
		content = append(content, first...)
		for i := range n - 1 {
			content = append(content, next(byte(i))...)
		}
		return append([]byte(header), section(7, content)...)
	}
	nested := leb.AppendUvarint(nil, 502)
	for i := range 502 {
		if nested = append(nested, 0x70); i == 0 { // list
			nested = append(nested, 0x7d)
			continue
		}
		nested = appendSLEB(nested, i-1)
	}
	loops := append(bytes.Repeat([]byte("\x03\x40\x0b"), 20000), 0x0b)
	body := section(0, append([]byte{0}, loops...))[1:]
	module := slices.Concat([]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00"), section(10, append([]byte{1}, body...)))
	for _, c := range []struct {
		name, says, readme, limit string
		bytes                     []byte
		size                      int64
		operation                 string
	}{
		{"size", "the file is larger than the 1Gi that a component may have", "at most 1 GiB", "componentSize", nil, 1<<30 + 1, "artifact read"},
		{"types", "effective type size exceeds the limit of 1000000", "1 000 000 type nodes", "typeGraph",
			types(21, "\x6f\x02\x7d\x7d", func(i byte) string { return string([]byte{0x6f, 2, i, i}) }), 0, "validate"},
		{"nested types", "type nesting is too deep: at most 500", "500 nested types", "typeGraph",
			append([]byte(header), section(7, nested)...), 0, "validate"},
		{"code", "the function is too complex to compile", "whose code would take the compiler far too long", "codeComplexity",
			slices.Concat([]byte(header), section(1, module), section(2, []byte{1, 0, 0, 0})), 0, "compile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "large.wasm")
			if err := os.WriteFile(file, c.bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.size > 0 {
				if err := os.Truncate(file, c.size); err != nil {
					t.Fatal(err)
				}
			}
			for _, command := range []string{"check", "run"} {
				collector := otlptest.New(t)
				code, out, errs := runEnv(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL}, "", command, file)
				if code != 2 || !strings.Contains(errs, c.says) {
					t.Errorf("%s: exit %d, %q %s; wanted 2 and %q", command, code, out, errs, c.says)
				}
				if command == "check" { // it has no telemetry
					continue
				}
				if got := limitCounters(collector); !slices.Equal(got, []string{"vitrine.limits " + c.limit}) {
					t.Errorf("metrics: %q", got)
				}
				failed := false
				for _, s := range collector.Spans() {
					failed = failed || strings.HasPrefix(s.Name, c.operation+" ")
				}
				if got := limitSpans(collector, c.limit); !failed || len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != "internal error "+c.limit }) {
					t.Errorf("spans: %q, %s among them: %v", got, c.operation, failed)
				}
			}
			if readme, err := os.ReadFile("../README.md"); err != nil || !bytes.Contains(readme, []byte(c.readme)) {
				t.Errorf("README does not say %q, %v", c.readme, err)
			}
		})
	}
}

// appendSLEB appends a number that is not negative in LEB128 with a sign.
func appendSLEB(b []byte, n int) []byte {
	for n >= 64 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

// limitSpans are kind, status and error type of the spans that name a limit.
func limitSpans(c *otlptest.Collector, limit string) (out []string) {
	for _, s := range c.Spans() {
		var kind string
		named := 0
		for _, a := range s.Attributes {
			switch {
			case a.Key == "error.type":
				kind += a.Value.GetStringValue()
			case a.Key == "vitrine.limit" && a.Value.GetStringValue() == limit:
				named++
			}
		}
		if named > 0 {
			side, status := strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"), strings.TrimPrefix(s.GetStatus().GetCode().String(), "STATUS_CODE_")
			out = append(out, strings.TrimSpace(strings.ToLower(side+" "+status)+" "+kind))
		}
	}
	slices.Sort(out)
	return out
}

// limitCounters are the metrics of limits with a count above 0, and their attributes.
func limitCounters(c *otlptest.Collector) (out []string) {
	for _, r := range c.Metrics() {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				if !slices.Contains([]string{"vitrine.traps", "vitrine.limits", "vitrine.output.dropped"}, m.Name) {
					continue
				}
				for _, p := range m.GetSum().GetDataPoints() {
					for _, a := range p.Attributes {
						if p.GetAsInt() > 0 && (a.Key == "vitrine.trap.code" || a.Key == "vitrine.limit") {
							out = append(out, m.Name+" "+a.Value.GetStringValue())
						}
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
