package wasilog

import (
	"context"
	"log/slog"
	"runtime"
	"slices"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// Handler is the slog.Handler. It is safe for concurrent use.
type Handler struct {
	emit    func(bindings.LogRecord) // nil where there is no host
	options slog.HandlerOptions
	groups  []string            // that are open
	prefix  string              // the same, as names of attributes begin
	with    []bindings.KeyValue // of With
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler makes a handler; nil stands for the default options, by which records of level Info and above are logged. AddSource adds OpenTelemetry's attributes code.file.path,
// code.line.number and code.function.name. ReplaceAttr is called for attributes, and not for the time, the level and the message, which are no attributes of the record.
//
// Names of attributes in groups are joined by dots, as slog.TextHandler has them. Lists, and maps whose keys are strings, remain so; a time is text by RFC 3339, a duration and an
// error are their text, and so is every other value, by encoding.TextMarshaler if it has that.
func NewHandler(options *slog.HandlerOptions) *Handler {
	h := &Handler{}
	if cabi.InComponent {
		h.emit = bindings.LogsOnEmit
	}
	if options != nil {
		h.options = *options
	}
	return h
}

// Enabled says whether records of the level are logged.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	least := slog.LevelInfo
	if h.options.Level != nil {
		least = h.options.Level.Level()
	}
	return h.emit != nil && level >= least
}

// Handle hands a record over to the host. It returns no error: the host drops what is over the component's limits, and says so in its telemetry.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	if h.emit == nil {
		return nil
	}
	text, number := r.Level.String(), severity(r.Level)
	body := bodyOf(r.Message)
	out := bindings.LogRecord{SeverityText: &text, SeverityNumber: &number, Body: &body}
	if t := r.Time; !t.IsZero() && t.Unix() >= 0 {
		out.Timestamp = &bindings.Datetime{Seconds: uint64(t.Unix()), Nanoseconds: uint32(t.Nanosecond())}
	}
	attributes := slices.Clip(h.with)
	r.Attrs(func(a slog.Attr) bool {
		attributes = h.add(attributes, h.groups, h.prefix, a)
		return true
	})
	if h.options.AddSource && r.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		for _, a := range []slog.Attr{
			slog.String("code.file.path", frame.File), slog.Int("code.line.number", frame.Line), slog.String("code.function.name", frame.Function),
		} {
			attributes = h.add(attributes, nil, "", a)
		}
	}
	if len(attributes) > 0 {
		out.Attributes = &attributes
	}
	h.emit(out)
	return nil
}

// WithAttrs is a handler whose records have the attributes, too.
func (h *Handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	c := *h
	c.with = slices.Clip(h.with)
	for _, a := range attributes {
		c.with = h.add(c.with, h.groups, h.prefix, a)
	}
	return &c
}

// WithGroup is a handler whose later attributes are in the group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.groups, c.prefix = append(slices.Clip(h.groups), name), h.prefix+name+"."
	return &c
}

// add appends an attribute; a group is its attributes. Those that are empty are left out, as slog.Handler has it.
func (h *Handler) add(to []bindings.KeyValue, groups []string, prefix string, a slog.Attr) []bindings.KeyValue {
	a.Value = a.Value.Resolve()
	if replace := h.options.ReplaceAttr; replace != nil && a.Value.Kind() != slog.KindGroup {
		a = replace(groups, a)
		a.Value = a.Value.Resolve()
	}
	switch {
	case a.Equal(slog.Attr{}):
		return to
	case a.Value.Kind() == slog.KindGroup:
		if a.Key != "" {
			groups, prefix = append(slices.Clip(groups), a.Key), prefix+a.Key+"."
		}
		for _, inner := range a.Value.Group() {
			to = h.add(to, groups, prefix, inner)
		}
		return to
	}
	return append(to, bindings.KeyValue{Key: prefix + a.Key, Value: valueOf(a.Value)})
}

// severity is a level by OpenTelemetry's numbers, of which slog's differ by 9.
func severity(level slog.Level) uint8 { return uint8(min(max(int(level)+9, 1), 24)) }
