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

// consoleHandler is what the process itself says, on stderr: text or JSON, a line each.
func consoleHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return &sayer{slog.NewJSONHandler(text.JSONWriter(w), opts)}
	}
	return &sayer{slog.NewTextHandler(text.Writer(w), opts)}
}

// takeOver has everybody who knows nothing of our logger, but writes to the log package's, write to it: libraries, and
// servers of theirs.
func takeOver(to *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(to) // the log package writes there from now on
}

// grpcLogger takes what gRPC says to itself about connections: the exporter that uses it says what came of them. It is set
// once, before anything of gRPC runs.
type grpcLogger struct{}

var _ grpclog.LoggerV2 = grpcLogger{}

func (grpcLogger) say(l slog.Level, msg string) {
	slog.Default().Log(context.Background(), l, "grpc: "+strings.TrimSpace(msg))
}

func (grpcLogger) Info(...any)                   {}
func (grpcLogger) Infoln(...any)                 {}
func (grpcLogger) Infof(string, ...any)          {}
func (g grpcLogger) Warning(a ...any)            { g.say(slog.LevelDebug, fmt.Sprint(a...)) }
func (g grpcLogger) Warningln(a ...any)          { g.say(slog.LevelDebug, fmt.Sprintln(a...)) }
func (g grpcLogger) Error(a ...any)              { g.say(slog.LevelDebug, fmt.Sprint(a...)) }
func (g grpcLogger) Errorln(a ...any)            { g.say(slog.LevelDebug, fmt.Sprintln(a...)) }
func (g grpcLogger) Fatal(a ...any)              { g.say(slog.LevelError, fmt.Sprint(a...)) }
func (g grpcLogger) Fatalln(a ...any)            { g.say(slog.LevelError, fmt.Sprintln(a...)) }
func (grpcLogger) V(int) bool                    { return false }
func (g grpcLogger) Warningf(f string, a ...any) { g.say(slog.LevelDebug, fmt.Sprintf(f, a...)) }
func (g grpcLogger) Errorf(f string, a ...any)   { g.say(slog.LevelDebug, fmt.Sprintf(f, a...)) }
func (g grpcLogger) Fatalf(f string, a ...any)   { g.say(slog.LevelError, fmt.Sprintf(f, a...)) }

// maxSaid bounds each text of a line of ours, in bytes.
const maxSaid = 8 << 10

// sayer bounds what is said, and says in which trace.
type sayer struct{ slog.Handler }

// Handle bounds a record.
func (s *sayer) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, text.Cut(r.Message, maxSaid), r.PC)
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
func (s *sayer) WithAttrs(attrs []slog.Attr) slog.Handler {
	bounded := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		bounded[i] = boundAttr(a)
	}
	return &sayer{s.Handler.WithAttrs(bounded)}
}

// WithGroup keeps the bounds.
func (s *sayer) WithGroup(name string) slog.Handler { return &sayer{s.Handler.WithGroup(name)} }

func boundAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	a.Key = text.Cut(a.Key, maxSaid)
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(text.Cut(v.String(), maxSaid))
	case slog.KindGroup:
		group := v.Group()
		bounded := make([]slog.Attr, len(group))
		for i, g := range group {
			bounded[i] = boundAttr(g)
		}
		v = slog.GroupValue(bounded...)
	case slog.KindAny:
		if err, ok := v.Any().(error); ok && err != nil {
			v = slog.AnyValue(errors.New(text.Cut(err.Error(), maxSaid)))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// eachText replaces every text that v holds: in structs, lists and behind pointers.
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
