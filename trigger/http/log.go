package http

import (
	"bytes"
	"context"
	"log/slog"
)

// serverLog takes net/http's messages: about a bug, something that the operator can repair or, nearly always, something that a client
// did.
type serverLog struct{ log *slog.Logger }

// Write is io.Writer's, for one message.
func (l *serverLog) Write(p []byte) (int, error) {
	level := slog.LevelDebug
	switch {
	case bytes.Contains(p, []byte("panic serving")), bytes.Contains(p, []byte("superfluous")):
		level = slog.LevelError
	case bytes.Contains(p, []byte("Accept error")):
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, string(bytes.TrimRight(p, "\n")))
	return len(p), nil
}
