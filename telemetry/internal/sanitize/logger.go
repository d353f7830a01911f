package sanitize

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/log/embedded"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// MaxText bounds each text of a log record, in bytes: as long as a line of a guest may be.
const MaxText = 64 << 10

// LoggerProvider makes loggers that sanitize records. It is a log.LoggerProvider, for bridges.
type LoggerProvider struct {
	embedded.LoggerProvider
	to []log.LoggerProvider
}

var _ log.LoggerProvider = (*LoggerProvider)(nil)

// NewLoggerProvider makes a provider whose records go to all of to.
func NewLoggerProvider(to ...log.LoggerProvider) *LoggerProvider { return &LoggerProvider{to: to} }

// Logger makes a logger.
func (p *LoggerProvider) Logger(name string, opts ...log.LoggerOption) log.Logger {
	return p.Of(name, opts...)
}

// Of makes a logger with a sanitized scope.
func (p *LoggerProvider) Of(name string, opts ...log.LoggerOption) *Logger {
	c := log.NewLoggerConfig(opts...)
	attrs := c.InstrumentationAttributes()
	l := &Logger{}
	for _, to := range p.to {
		l.to = append(l.to, to.Logger(text.Valid(name), log.WithInstrumentationVersion(text.Valid(c.InstrumentationVersion())),
			log.WithSchemaURL(text.Valid(c.SchemaURL())), log.WithInstrumentationAttributes(Labels(attrs.ToSlice())...)))
	}
	return l
}

// Logger sanitizes records and passes them on.
type Logger struct {
	embedded.Logger
	to []log.Logger
}

var _ log.Logger = (*Logger)(nil)

// Enabled says whether one of the loggers that it passes records to is enabled.
func (l *Logger) Enabled(ctx context.Context, p log.EnabledParameters) bool {
	return slices.ContainsFunc(l.to, func(to log.Logger) bool { return to.Enabled(ctx, p) })
}

// Emit passes a record on, or a sanitized copy of it.
func (l *Logger) Emit(ctx context.Context, r log.Record) {
	r = sanitizeRecord(r)
	for i, to := range l.to {
		if i < len(l.to)-1 {
			to.Emit(ctx, r.Clone())
			continue
		}
		to.Emit(ctx, r)
	}
}

func sanitizeRecord(r log.Record) log.Record {
	ok := fits(r.EventName(), MaxText) && fits(r.SeverityText(), MaxText) && (r.Err() == nil || fits(r.Err().Error(), MaxText)) &&
		isClean(attribute.KeyValue{Value: r.Body()}, MaxText)
	if ok {
		r.WalkAttributes(func(kv attribute.KeyValue) bool {
			ok = isClean(kv, MaxText)
			return ok
		})
	}
	if ok {
		return r
	}
	var out log.Record
	out.SetEventName(text.Cut(text.Valid(r.EventName()), MaxText))
	out.SetTimestamp(r.Timestamp())
	out.SetObservedTimestamp(r.ObservedTimestamp())
	out.SetSeverity(r.Severity())
	out.SetSeverityText(text.Cut(text.Valid(r.SeverityText()), MaxText))
	out.SetBody(sanitizeValue(r.Body(), MaxText))
	err := r.Err()
	if err != nil && !fits(err.Error(), MaxText) {
		err = sanitizedError{err}
	}
	out.SetErr(err)
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		out.AddAttributes(sanitizeKeyValue(kv, MaxText))
		return true
	})
	return out
}

// sanitizedError is an error whose text is valid and bounded.
type sanitizedError struct{ error }

func (m sanitizedError) Error() string { return text.Cut(text.Valid(m.error.Error()), MaxText) }

// Unwrap is the original error.
func (m sanitizedError) Unwrap() error { return m.error }
