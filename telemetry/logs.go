package telemetry

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/redact"
)

// severityOf converts a level to OpenTelemetry's numbers (logs data model, §mapping of severities): slog's levels have the same
// distances and another zero.
func severityOf(l slog.Level) log.Severity {
	if l <= slog.LevelDebug {
		return log.SeverityTrace1 // the lowest level that has a name is all
	}
	return log.Severity(min(max(int(l)+int(log.SeverityInfo), int(log.SeverityTrace1)), int(log.SeverityFatal4)))
}

// severityText is the short name of a severity's range.
func severityText(s host.Severity) string {
	switch {
	case s >= host.SeverityFatal:
		return "FATAL"
	case s >= host.SeverityError:
		return "ERROR"
	case s >= host.SeverityWarn:
		return "WARN"
	case s >= host.SeverityInfo:
		return "INFO"
	case s >= host.SeverityDebug:
		return "DEBUG"
	case s >= host.SeverityTrace:
		return "TRACE"
	}
	return ""
}

// Log exports a line of the component, in the guest's own current span or else the span of ctx. It does not block: a full queue
// drops and counts.
func (i *interceptor) Log(ctx context.Context, l host.LogLine) {
	i.treeLine(ctx, l)
	if i.own.logger == nil || log.Severity(l.Severity) < severityOf(i.t.cfg.OTelLevel) && l.Severity != 0 {
		return
	}
	var r log.Record
	now := time.Now()
	r.SetTimestamp(now)
	r.SetObservedTimestamp(now)
	r.SetSeverity(log.Severity(l.Severity))
	r.SetSeverityText(severityText(l.Severity))
	r.SetBody(attribute.StringValue(l.Text))
	r.AddAttributes(fieldAttributes(l.Fields)...)
	r.AddAttributes(keyComponent.String(i.id.component))
	switch l.Stream {
	case "stdout":
		r.AddAttributes(semconv.LogIostreamStdout)
	case "stderr":
		r.AddAttributes(semconv.LogIostreamStderr)
	}
	if l.Context != "" {
		r.AddAttributes(keyLogContext.String(l.Context))
	}
	if l.Truncated {
		r.AddAttributes(keyLogTruncated.Bool(true))
	}
	if l.Limit != "" {
		r.AddAttributes(keyLimit.String(l.Limit))
	}
	i.own.logger.Emit(i.t.withGuestParent(ctx, cm.CallFrom(ctx)), r)
}

// treeLine puts a line into the printed tree of its trace.
func (i *interceptor) treeLine(ctx context.Context, l host.LogLine) {
	if i.t.trees != nil {
		i.t.trees.Line(trace.SpanContextFromContext(i.t.withGuestParent(ctx, cm.CallFrom(ctx))), time.Now(), l.Shown())
	}
}

// fieldAttributes are the attributes that a guest's line of JSON has. Keys by which the host speaks of a component are not the guest's to set.
func fieldAttributes(fields []host.Field) []attribute.KeyValue {
	if len(fields) == 0 {
		return nil
	}
	out := make([]attribute.KeyValue, 0, len(fields))
	for _, f := range fields {
		if strings.HasPrefix(f.Key, prefix) || f.Key == string(semconv.LogIostreamStdout.Key) || f.Key == "" {
			continue
		}
		switch v := f.Value.(type) {
		case string:
			out = append(out, attribute.String(f.Key, v))
		case bool:
			out = append(out, attribute.Bool(f.Key, v))
		case int64:
			out = append(out, attribute.Int64(f.Key, v))
		case float64:
			out = append(out, attribute.Float64(f.Key, v))
		}
	}
	return out
}

// IDs returns the identifiers of the trace and the span in ctx, in hexadecimal; both are empty if there is none. Log records of
// that context have the same.
func IDs(ctx context.Context) (traceID, spanID string) {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return "", ""
	}
	return sc.TraceID().String(), sc.SpanID().String()
}

// CountDropped counts n lines of the component that its limits drop.
func (i *interceptor) CountDropped(ctx context.Context, l host.LogLine, n uint64) {
	if m := i.own.m; m != nil {
		m.outputDropped.With(keyLimit.String(l.Limit)).Add(ctx, int64(n))
	}
}

// LogHandler exports the host's own log records of OTelLevel and above, without secrets. It discards all if logs are off.
func (t *Telemetry) LogHandler() slog.Handler {
	if t.host.logs == nil {
		return slog.DiscardHandler
	}
	return &logHandler{
		Handler: otelslog.NewHandler(scopeName, otelslog.WithLoggerProvider(t.host.logs), otelslog.WithVersion(t.cfg.Version)),
		level:   t.cfg.OTelLevel,
	}
}

// logHandler filters by level and redacts texts.
type logHandler struct {
	slog.Handler
	level slog.Level
}

// Enabled says whether a level is exported.
func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

// Handle exports a record.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, redact.Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redactAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs keeps the filter, and redacts the attributes.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redactAttr(a)
	}
	return &logHandler{h.Handler.WithAttrs(clean), h.level}
}

// WithGroup keeps the filter.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.Handler.WithGroup(name), h.level}
}

func redactAttr(a slog.Attr) slog.Attr {
	if redact.Secret(a.Key) {
		return slog.String(a.Key, redact.Mark)
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, redact.Text(v.String()))
	case slog.KindGroup:
		group := v.Group()
		clean := make([]slog.Attr, len(group))
		for i, g := range group {
			clean[i] = redactAttr(g)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, redact.Text(err.Error()))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
