package host

import (
	"encoding/json"
	"strings"
)

// leveled has the names of the severity in lines of JSON, by the loggers that write them: zerolog, zap, slog, pino and bunyan
// (level), log15 (lvl), Google's and OpenTelemetry's (severity), Python's (levelname), Elastic's (log.level).
type leveled struct {
	Level          json.RawMessage `json:"level"`
	Lvl            json.RawMessage `json:"lvl"`
	Severity       json.RawMessage `json:"severity"`
	SeverityText   json.RawMessage `json:"severity_text"`
	SeverityText2  json.RawMessage `json:"severityText"`
	LevelName      json.RawMessage `json:"levelname"`
	LogLevel       json.RawMessage `json:"log.level"`
	SeverityNumber json.RawMessage `json:"severity_number"`
	Number2        json.RawMessage `json:"severityNumber"`
	Log            struct {
		Level json.RawMessage `json:"level"`
	} `json:"log"`
}

// levelOf is the severity in a line that is a JSON object with a known level.
func levelOf(line string) (Severity, bool) {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return 0, false
	}
	if !strings.Contains(line, "ev") && !strings.Contains(line, "EV") && !strings.Contains(line, "lvl") && !strings.Contains(line, "LVL") {
		return 0, false // this cannot be a level
	}
	var l leveled
	if json.Unmarshal([]byte(line), &l) != nil {
		l.Log.Level = nil
		if !json.Valid([]byte(line)) { // "log" may be something else
			return 0, false
		}
	}
	for _, raw := range []json.RawMessage{l.Level, l.Severity, l.Lvl, l.SeverityText, l.SeverityText2, l.LevelName, l.LogLevel, l.Log.Level} {
		if s, ok := severityOfValue(raw); ok {
			return s, true
		}
	}
	for _, raw := range []json.RawMessage{l.SeverityNumber, l.Number2} {
		var n float64
		if json.Unmarshal(raw, &n) == nil && n >= 1 && n <= 24 {
			return Severity(n), true
		}
	}
	return 0, false
}

// severityOfValue reads a level: a word, or a number as pino and bunyan have them.
func severityOfValue(raw json.RawMessage) (Severity, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	var n float64
	if json.Unmarshal(raw, &n) == nil && raw[0] != 'n' {
		switch {
		case n < 10 || n > 100:
			return 0, false // syslog's and slog's are numbers, too, and mean something else
		case n < 20:
			return SeverityTrace, true
		case n < 30:
			return SeverityDebug, true
		case n < 40:
			return SeverityInfo, true
		case n < 50:
			return SeverityWarn, true
		case n < 60:
			return SeverityError, true
		}
		return SeverityFatal, true
	}
	var word string
	if json.Unmarshal(raw, &word) != nil {
		return 0, false
	}
	word = strings.ToLower(strings.TrimSpace(word))
	if i := strings.IndexAny(word, "+-"); i > 0 { // slog's "ERROR+4"
		word = word[:i]
	}
	s, ok := levelWords[word]
	return s, ok
}

var levelWords = map[string]Severity{
	"trace": SeverityTrace, "finest": SeverityTrace, "silly": SeverityTrace, "trc": SeverityTrace,
	"debug": SeverityDebug, "verbose": SeverityDebug, "fine": SeverityDebug, "dbg": SeverityDebug,
	"info": SeverityInfo, "information": SeverityInfo, "informational": SeverityInfo, "notice": SeverityInfo, "inf": SeverityInfo, "default": SeverityInfo,
	"warn": SeverityWarn, "warning": SeverityWarn, "wrn": SeverityWarn,
	"error": SeverityError, "err": SeverityError, "eror": SeverityError, "severe": SeverityError, "dpanic": SeverityError,
	"fatal": SeverityFatal, "critical": SeverityFatal, "crit": SeverityFatal, "alert": SeverityFatal, "emergency": SeverityFatal, "emerg": SeverityFatal,
	"panic": SeverityFatal, "ftl": SeverityFatal,
}

// failures are beginnings of lines with which languages tell of a panic.
var failures = []string{"panic: ", "fatal error: ", "Assertion failed: ", "Traceback (most recent call last)", "Uncaught ", "libc++abi: terminating", "terminate called"}

// severityOfText is the severity of a line of text on standard error.
func severityOfText(line string) Severity {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "thread '") && strings.Contains(line, " panicked at ") {
		return SeverityError
	}
	for _, f := range failures {
		if strings.HasPrefix(line, f) {
			return SeverityError
		}
	}
	word := strings.TrimLeft(line, "[<(")
	bracketed := len(word) < len(line)
	end := strings.IndexFunc(word, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
	if end < 0 {
		end = len(word)
	}
	if end == 0 || end > 10 {
		return SeverityInfo
	}
	word, rest := word[:end], word[end:]
	s, ok := levelWords[strings.ToLower(word)]
	// A word in a sentence is none: "error" counts in capitals, in brackets, or with a colon.
	if !ok || !bracketed && word != strings.ToUpper(word) && !strings.HasPrefix(rest, ":") {
		return SeverityInfo
	}
	return s
}
