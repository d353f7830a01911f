// Package viewmcp is a server of the Model Context Protocol that answers questions about what a running viewer has. It is a client of
// the viewer's HTTP API, and only reads. Answers are JSON and bounded, since a model reads them: times are relative or of the day,
// durations are texts, attributes are cut.
package viewmcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Ask requests a path of the viewer's API. The caller closes the body.
type Ask func(ctx context.Context, path string, query url.Values) (io.ReadCloser, error)

// Bounds of answers.
const (
	maxAnswer   = 48 << 10 // bytes of an answer
	maxBody     = 64 << 20 // bytes that are read of the viewer's
	maxText     = 300      // bytes of an attribute or a line
	maxItems    = 200      // that can be asked for
	defaultItem = 20
	defaultSpan = 80
)

const instructions = `Telemetry of WebAssembly components and other services that a running viewer has: traces, log lines, metrics, and who calls whom.
Start with errors or list_traces, go on with get_trace and trace_logs. Queries are words and qualifiers, such as
"service:shop status:error since:5m duration:>100ms code:>=500 @db.system.name:redis"; a minus before one excludes.`

// New makes a server.
func New(version string, ask Ask) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "vitrine", Title: "Vitrine's viewer", Version: version}, &mcp.ServerOptions{Instructions: instructions})
	v := &viewer{ask}
	add(s, "list_traces", "Traces, the newest first: when, how long, service, name, status code, number of spans and of failed ones. "+
		"Query: words in the name, service:NAME status:error|ok code:>=500 duration:>100ms spans:>10 since:5m run:current|previous @attribute:value.", v.listTraces)
	add(s, "get_trace", "The spans of one trace as a tree, in the order of their starts; \"at\" is the time after the trace's start. "+
		"If there are more spans than asked for, those that failed and the slowest are shown, with what is above them.", v.getTrace)
	add(s, "list_logs", "Log lines, the newest first. Query: words in the line, level:warn service:NAME trace:ID; a minus before a word excludes.", v.listLogs)
	add(s, "trace_logs", "The log lines of one trace, in order.", v.traceLogs)
	add(s, "metrics", "The last value of each series of metrics. Query: words in the name, service:NAME since:1h @attribute:value.", v.metrics)
	add(s, "components", "The workloads that run, their components' imports, links and grants, and the traffic between them in the last minutes: rates, errors, durations.", v.components)
	add(s, "errors", "What has failed lately: kinds of requests with their numbers of failures and an example's trace, and the last lines of severity error.", v.errors)
	return s
}

// add adds a tool that reads.
func add[In any](s *mcp.Server, name, about string, f func(context.Context, In) (any, error)) {
	no := false
	mcp.AddTool(s, &mcp.Tool{Name: name, Description: about, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &no}},
		func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
			out, err := f(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			b, err := json.Marshal(out)
			if err != nil {
				return nil, nil, err
			}
			if len(b) > maxAnswer {
				return nil, nil, fmt.Errorf("the answer has %d bytes, more than the %d that are sent: ask for fewer, by limit, max_spans or a narrower query", len(b), maxAnswer)
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: string(text.JSON(b))}}}, nil, nil
		})
}

// viewer asks the viewer.
type viewer struct{ ask Ask }

// get reads an answer into out.
func (v *viewer) get(ctx context.Context, path string, query url.Values, out any) error {
	body, err := v.ask(ctx, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return err
	}
	if len(b) > maxBody {
		return errors.New("the viewer's answer is too large: ask for less")
	}
	return json.Unmarshal(b, out)
}

// list is the arguments of tools with lists.
type list struct {
	Query string `json:"query,omitempty" jsonschema:"words and qualifiers; empty: all"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many at most: 20 unless it is said, 200 at most"`
}

func (l list) limit() int {
	if l.Limit <= 0 {
		return defaultItem
	}
	return min(l.Limit, maxItems)
}

func (l list) values() url.Values {
	return url.Values{"q": {l.Query}, "limit": {strconv.Itoa(l.limit())}}
}

// summary is a trace in the API's list; found is the same for a model.
type summary struct {
	TraceID, Name, Service string
	Start                  int64 `json:",string"`
	Duration               int64
	Spans, Errors, Code    int
}

type found struct {
	Trace    string `json:"trace_id"`
	Time     string `json:"time"`
	Service  string `json:"service"`
	Name     string `json:"name"`
	Code     int    `json:"code,omitempty"`
	Duration string `json:"duration"`
	Spans    int    `json:"spans"`
	Errors   int    `json:"failed_spans,omitempty"`
}

func (s *summary) found() found {
	return found{s.TraceID, clock(s.Start), cut(s.Service), cut(s.Name), s.Code, brief(s.Duration), s.Spans, s.Errors}
}

// traceList is the API's list of traces.
type traceList struct {
	Traces  []summary
	Matched int
	Partial bool
	Groups  []struct {
		Service, Name string
		Count, Errors int
		P50, P95, P99 int64
	}
}

func (v *viewer) listTraces(ctx context.Context, in list) (any, error) {
	var l traceList
	if err := v.get(ctx, "/api/v1/traces", in.values(), &l); err != nil {
		return nil, err
	}
	out := struct {
		Traces  []found `json:"traces"`
		Matched int     `json:"matched"`
		Partial bool    `json:"not_all_were_searched,omitempty"`
	}{[]found{}, l.Matched, l.Partial}
	for i := range l.Traces {
		out.Traces = append(out.Traces, l.Traces[i].found())
	}
	return out, nil
}

// line is a log record in the API's list, and for a model.
type line struct {
	Time       int64 `json:",string"`
	Severity   int
	Service    string
	Body       any
	TraceID    string
	Attributes map[string]any
}

type said struct {
	Time       string            `json:"time"`
	Level      string            `json:"level,omitempty"`
	Service    string            `json:"service"`
	Trace      string            `json:"trace_id,omitempty"`
	Text       string            `json:"text"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

func (l *line) said() said {
	out := said{Time: clock(l.Time), Level: level(l.Severity), Service: cut(l.Service), Trace: l.TraceID, Text: plain(l.Body)}
	for k, value := range l.Attributes {
		if out.Attributes == nil {
			out.Attributes = map[string]string{}
		}
		if len(out.Attributes) < maxAttributes {
			out.Attributes[cut(k)] = plain(value)
		}
	}
	return out
}

// lines are log records that match, the newest first.
func (v *viewer) lines(ctx context.Context, in list) ([]said, error) {
	var l struct{ Logs []line }
	if err := v.get(ctx, "/api/v1/logs", in.values(), &l); err != nil {
		return nil, err
	}
	out := []said{}
	for i := range l.Logs {
		out = append(out, l.Logs[i].said())
	}
	return out, nil
}

func (v *viewer) listLogs(ctx context.Context, in list) (any, error) {
	lines, err := v.lines(ctx, in)
	return map[string]any{"lines": lines}, err
}

// ofTrace is the arguments of tools about one trace.
type ofTrace struct {
	Trace string `json:"trace_id" jsonschema:"32 hexadecimal digits, as list_traces says them"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many lines at most: 20 unless it is said, 200 at most"`
}

func (v *viewer) traceLogs(ctx context.Context, in ofTrace) (any, error) {
	if err := traceID(in.Trace); err != nil {
		return nil, err
	}
	lines, err := v.lines(ctx, list{"trace:" + in.Trace, in.Limit})
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return map[string]any{"lines": lines}, err
}

func traceID(id string) error {
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("%.40q is no trace id: want 32 hexadecimal digits, as list_traces says them", id)
		}
	}
	if len(id) != 32 {
		return fmt.Errorf("%.40q is no trace id: want 32 hexadecimal digits, as list_traces says them", id)
	}
	return nil
}

func (v *viewer) metrics(ctx context.Context, in list) (any, error) {
	var l struct {
		Metrics []struct {
			Time                      int64 `json:",string"`
			Service, Name, Unit, Kind string
			Attributes                map[string]string
			Value                     *float64
			Count                     int64
			P50, P90, P99             *float64
		}
		Partial bool
	}
	if err := v.get(ctx, "/api/v1/metrics", in.values(), &l); err != nil {
		return nil, err
	}
	type series struct {
		Service    string            `json:"service"`
		Name       string            `json:"name"`
		Unit       string            `json:"unit,omitempty"`
		Attributes map[string]string `json:"attributes,omitempty"`
		Time       string            `json:"time"`
		Value      *float64          `json:"value,omitempty"`
		Count      int64             `json:"count,omitempty"`
		P50        *float64          `json:"p50,omitempty"`
		P90        *float64          `json:"p90,omitempty"`
		P99        *float64          `json:"p99,omitempty"`
	}
	out := struct {
		Series []series `json:"series"`
		More   bool     `json:"there_are_more,omitempty"`
	}{[]series{}, l.Partial}
	for _, m := range l.Metrics {
		one := series{cut(m.Service), cut(m.Name), m.Unit, map[string]string{}, clock(m.Time), m.Value, m.Count, m.P50, m.P90, m.P99}
		for k, value := range m.Attributes {
			if len(one.Attributes) < maxAttributes {
				one.Attributes[cut(k)] = cut(value)
			}
		}
		out.Series = append(out.Series, one)
	}
	return out, nil
}

// none is the arguments of a tool without any.
type none struct{}

func (v *viewer) components(ctx context.Context, _ none) (any, error) {
	var out map[string]any
	if err := v.get(ctx, "/api/v1/components", nil, &out); err != nil {
		return nil, err
	}
	items := maxItems
	bounded(out, items)
	for size(out) > maxAnswer && items > 1 {
		items /= 2
		bounded(out, items)
		out["lists_are_cut_to"] = items
	}
	return out, nil
}

// lately is the arguments of errors.
type lately struct {
	Since   string `json:"since,omitempty" jsonschema:"how far back: a duration such as 5m; 15m unless it is said"`
	Service string `json:"service,omitempty" jsonschema:"of one service only"`
}

func (v *viewer) errors(ctx context.Context, in lately) (any, error) {
	if in.Since == "" {
		in.Since = "15m"
	}
	if _, err := time.ParseDuration(in.Since); err != nil {
		return nil, fmt.Errorf("since: %.40q is no duration such as 5m", in.Since)
	}
	about := ""
	if in.Service != "" {
		about = " service:" + strconv.Quote(in.Service)
	}
	var l traceList
	if err := v.get(ctx, "/api/v1/traces", list{"status:error since:" + in.Since + about, maxItems}.values(), &l); err != nil {
		return nil, err
	}
	type kind struct {
		Service string `json:"service"`
		Name    string `json:"name"`
		Traces  int    `json:"traces"`
		Example found  `json:"example"`
	}
	out := struct {
		Traces int    `json:"traces_with_failures"`
		Kinds  []kind `json:"kinds"`
		Lines  []said `json:"lines"`
	}{l.Matched, []kind{}, nil}
	for _, g := range l.Groups {
		if len(out.Kinds) == defaultItem {
			break
		}
		for i := range l.Traces {
			if t := &l.Traces[i]; t.Service == g.Service && t.Name == g.Name {
				out.Kinds = append(out.Kinds, kind{cut(g.Service), cut(g.Name), g.Count, t.found()})
				break
			}
		}
	}
	var err error
	if out.Lines, err = v.lines(ctx, list{"level:error" + about, defaultItem}); err != nil {
		return nil, err
	}
	if size(out) > maxAnswer {
		for i := range out.Lines {
			out.Lines[i].Attributes = nil
		}
	}
	for size(out) > maxAnswer && len(out.Lines) > 0 {
		out.Lines = out.Lines[:len(out.Lines)/2]
	}
	return out, nil
}
