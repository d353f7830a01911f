package cli

import (
	"log/slog"
	"strings"
)

// announce is lines of the command itself as the console has them: as they are, or a JSON object each. They appear at every level.
func (s *session) announce(lines string) string {
	if !s.json {
		return lines
	}
	var b strings.Builder
	log := slog.New(consoleHandler(&b, "json", slog.LevelDebug))
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if _, at, ok := strings.Cut(line, " on "); ok && (strings.HasPrefix(line, "serving ") || strings.HasPrefix(line, "viewer ") || strings.HasPrefix(line, "admin ")) {
			log.Info(line, "address", at)
		} else if line != "" {
			log.Info(line)
		}
	}
	return b.String()
}

// say writes such lines.
func (s *session) say(lines string) { _, _ = s.stderr.Write([]byte(s.announce(lines))) } // it never fails

// tell writes a problem that does not end the command.
func (s *session) tell(p *Problem) {
	var b strings.Builder
	if s.json {
		p.printJSON(&b)
	} else {
		p.print(&b)
	}
	_, _ = s.stderr.Write([]byte(b.String()))
}
