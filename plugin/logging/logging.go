// Package logging serves wasi:logging to components: each message is a log line of its component, in the context of the call that
// logged it. FUNCTIONS.md lists its function and which outcomes of it are tested.
package logging

import (
	"context"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/logging/bindings"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Plugin serves wasi:logging 0.1.0-draft.
type Plugin struct{}

var _ host.Plugin = Plugin{}

// Name implements host.Plugin.
func (Plugin) Name() string { return "logging" }

// Serves implements host.Plugin.
func (Plugin) Serves() []wit.InterfaceID { return []wit.InterfaceID{bindings.LoggingID} }

// Bind implements host.Plugin.
func (Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	bindings.AddLogging(l, &logger{b.Lines})
	return nil, nil
}

type logger struct{ lines *host.Lines }

// maxContext bounds a message's context, in bytes.
const maxContext = 1 << 10

var severities = map[bindings.Level]host.Severity{
	bindings.LevelTrace: host.SeverityTrace, bindings.LevelDebug: host.SeverityDebug, bindings.LevelInfo: host.SeverityInfo,
	bindings.LevelWarn: host.SeverityWarn, bindings.LevelError: host.SeverityError, bindings.LevelCritical: host.SeverityFatal,
}

func (l *logger) Log(ctx context.Context, level bindings.Level, about, message string) error {
	line := host.LogLine{
		Stream: "log", Severity: severities[level], Context: about,
		Text: strings.TrimRight(message, "\r\n"),
	}
	if len(line.Text) > host.MaxLine {
		line.Text, line.Truncated = strings.ToValidUTF8(line.Text[:host.MaxLine], ""), true
	}
	if len(line.Context) > maxContext {
		line.Context, line.Truncated = strings.ToValidUTF8(line.Context[:maxContext], ""), true
	}
	l.lines.Log(ctx, line)
	return nil
}
