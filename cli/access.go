package cli

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/trigger/http"
)

// accessOption is the flag of commands that serve. Its default is the command's own.
func accessOption(def string) option {
	return option{name: "access-log", group: groupTelemetry, env: "VITRINE_ACCESS_LOG", def: def,
		usage:   "print a line for each request when it has ended, of severity info: time, method, path, status, duration, component, trace (default: on for dev without --trace, off for up)",
		example: "--access-log=false"}
}

// accessLog says whether each request is a line. treesOfAll says that each request is a tree already, which is so unless it is asked for.
func (s *settings) accessLog(treesOfAll bool) (bool, error) {
	o, has := s.opts["access-log"]
	if !has {
		return false, nil
	}
	value, from := s.text(o.name, "")
	if value == "" {
		return o.def == "true" && !treesOfAll, nil
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, badValue(from, oneOf(value, "true", "false"))
	}
	return on, nil
}

// access prints requests on the console, if that shows the severity info.
type access struct {
	console *host.Console
	level   slog.Leveler
	json    *slog.Logger // nil: lines of text
}

func newAccess(console *host.Console, level slog.Leveler, format string) *access {
	a := &access{console: console, level: level}
	if format == "json" {
		a.json = slog.New(consoleHandler(console, format, level))
	}
	return a
}

// log is telemetry's Config.Access.
func (l *access) log(ctx context.Context, a telemetry.Access) {
	switch {
	case l.level.Level() > slog.LevelInfo:
	case l.json != nil:
		l.json.LogAttrs(ctx, slog.LevelInfo, "request", accessAttrs(&a)...)
	default:
		trace, _ := telemetry.IDs(ctx)
		_, _ = l.console.Write([]byte(accessLine(&a, trace))) // it never fails
	}
}

// rejectedFunc is what http.Config.Rejected is.
type rejectedFunc = func(context.Context, http.Rejection)

// rejected is a line for a request that has reached no workload.
func (l *access) rejected(ctx context.Context, r http.Rejection) {
	a := telemetry.Access{Start: r.Start, Duration: r.End.Sub(r.Start), Status: r.Status, AnswerSize: r.Sent}
	if r.Request != nil {
		a.Method = r.Request.Method
		if r.Request.URL != nil {
			a.Path = r.Request.URL.Path
		}
	}
	l.log(ctx, a)
}

// Bounds of the client's words in a line of text, in bytes.
const (
	maxAccessMethod = 16
	maxAccessPath   = 1 << 10
)

// accessLine is "12:43:01 GET /cart/7 200 3.1ms cart 4bf92f35", with what has failed before the trace. The path is as in a URL, so that no
// space in it looks like the next field. What is not known is "-": the component of a request that has reached none.
func accessLine(a *telemetry.Access, trace string) string {
	path := (&url.URL{Path: a.Path}).EscapedPath()
	fields := []string{
		a.Start.Add(a.Duration).Format(time.TimeOnly), text.Printable(text.Cut(cmp.Or(a.Method, "-"), maxAccessMethod)),
		text.Printable(text.Cut(cmp.Or(path, "-"), maxAccessPath)),
		accessStatus(a.Status), accessDuration(a.Duration), text.Printable(cmp.Or(a.Component, "-")),
	}
	if a.ErrorType != "" {
		fields = append(fields, text.Printable(a.ErrorType))
	}
	if trace != "" {
		fields = append(fields, trace[:min(len(trace), 8)])
	}
	return strings.Join(fields, " ") + "\n"
}

// accessStatus is "-" where the client went away before there was a status.
func accessStatus(status int) string {
	if status == 0 {
		return "-"
	}
	return strconv.Itoa(status)
}

// accessDuration has two digits at least: "1.52s", "304ms", "3.1ms", "412µs".
func accessDuration(d time.Duration) string {
	switch {
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d >= 10*time.Millisecond:
		d = d.Round(time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(100 * time.Microsecond)
	default:
		d = d.Round(time.Microsecond)
	}
	return d.String()
}

// accessAttrs are the fields of a record. The handler adds trace and span.
func accessAttrs(a *telemetry.Access) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", a.Method), slog.String("path", a.Path), slog.String("route", a.Route), slog.Int("status", a.Status),
		slog.Float64("duration_ms", float64(a.Duration.Microseconds())/1000),
		slog.Int64("request_bytes", a.RequestSize), slog.Int64("answer_bytes", a.AnswerSize),
		slog.String("component", a.Component), slog.String("workload", a.Workload), slog.String("namespace", a.Namespace),
		slog.String("error", a.ErrorType),
	}
	known := attrs[:0]
	for _, attr := range attrs {
		if attr.Value.Kind() != slog.KindString || attr.Value.String() != "" {
			known = append(known, attr)
		}
	}
	return known
}
