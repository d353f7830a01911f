package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"

	"google.golang.org/grpc/grpclog"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry"
)

// consoleHandler writes the process's own log to stderr, as lines of text or JSON.
func consoleHandler(w io.Writer, format string, level slog.Leveler) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return &boundedHandler{slog.NewJSONHandler(text.JSONWriter(w), opts)}
	}
	return &boundedHandler{slog.NewTextHandler(text.Writer(w), opts)}
}

// redirectDefaultLoggers sends the default loggers of log and log/slog, which libraries write to, to the given one.
func redirectDefaultLoggers(to *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(to) // the log package writes there from now on
}

// grpcLogger lowers gRPC's warnings and errors about connections to debug: the exporter reports failed exports itself. It is
// set once, before gRPC is used.
type grpcLogger struct{}

var _ grpclog.LoggerV2 = grpcLogger{}

func (grpcLogger) log(l slog.Level, msg string) {
	slog.Default().Log(context.Background(), l, "grpc: "+strings.TrimSpace(msg))
}

func (grpcLogger) Info(...any)                   {}
func (grpcLogger) Infoln(...any)                 {}
func (grpcLogger) Infof(string, ...any)          {}
func (g grpcLogger) Warning(a ...any)            { g.log(slog.LevelDebug, fmt.Sprint(a...)) }
func (g grpcLogger) Warningln(a ...any)          { g.log(slog.LevelDebug, fmt.Sprintln(a...)) }
func (g grpcLogger) Error(a ...any)              { g.log(slog.LevelDebug, fmt.Sprint(a...)) }
func (g grpcLogger) Errorln(a ...any)            { g.log(slog.LevelDebug, fmt.Sprintln(a...)) }
func (g grpcLogger) Fatal(a ...any)              { g.log(slog.LevelError, fmt.Sprint(a...)) }
func (g grpcLogger) Fatalln(a ...any)            { g.log(slog.LevelError, fmt.Sprintln(a...)) }
func (grpcLogger) V(int) bool                    { return false }
func (g grpcLogger) Warningf(f string, a ...any) { g.log(slog.LevelDebug, fmt.Sprintf(f, a...)) }
func (g grpcLogger) Errorf(f string, a ...any)   { g.log(slog.LevelDebug, fmt.Sprintf(f, a...)) }
func (g grpcLogger) Fatalf(f string, a ...any)   { g.log(slog.LevelError, fmt.Sprintf(f, a...)) }

// maxLogText bounds each text of a log record, in bytes.
const maxLogText = 8 << 10

// boundedHandler bounds a record's texts and adds the identifiers of its trace and span.
type boundedHandler struct{ slog.Handler }

// Handle bounds a record.
func (s *boundedHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, text.Cut(r.Message, maxLogText), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(boundAttr(a))
		return true
	})
	if trace, span := telemetry.IDs(ctx); trace != "" {
		out.AddAttrs(slog.String("trace_id", trace), slog.String("span_id", span))
	}
	return s.Handler.Handle(ctx, out)
}

// WithAttrs keeps the bounds.
func (s *boundedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	bounded := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		bounded[i] = boundAttr(a)
	}
	return &boundedHandler{s.Handler.WithAttrs(bounded)}
}

// WithGroup keeps the bounds.
func (s *boundedHandler) WithGroup(name string) slog.Handler {
	return &boundedHandler{s.Handler.WithGroup(name)}
}

func boundAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	a.Key = text.Cut(a.Key, maxLogText)
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(text.Cut(v.String(), maxLogText))
	case slog.KindGroup:
		group := v.Group()
		bounded := make([]slog.Attr, len(group))
		for i, g := range group {
			bounded[i] = boundAttr(g)
		}
		v = slog.GroupValue(bounded...)
	case slog.KindAny:
		if err, ok := v.Any().(error); ok && err != nil {
			v = slog.AnyValue(errors.New(text.Cut(err.Error(), maxLogText)))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// eachText replaces every string in v: in structs, lists and behind pointers.
func eachText(v reflect.Value, f func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachText(v.Field(i), f)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			eachText(v.Index(i), f)
		}
	}
}
