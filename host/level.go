package host

import (
	"encoding/json"
	"strings"
)

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
