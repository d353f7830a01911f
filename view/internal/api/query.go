package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// term is one word of a query.
type term struct {
	not        bool
	key, op    string // op: empty, or one of > >= < <=; key: empty for a plain word, and with @ for an attribute
	value, raw string
}

// split reads a query's words: separated by spaces, a value with spaces in quotes, with a minus before what must not be.
func split(q string) (out []term, err error) {
	for _, w := range words(q) {
		t := term{raw: w}
		w, t.not = strings.CutPrefix(w, "-")
		key, value, ok := strings.Cut(w, ":")
		if !ok || strings.HasPrefix(w, `"`) || strings.HasPrefix(value, "//") || strings.ContainsAny(key, "/ ") {
			t.value = unquote(w)
			if t.value != "" {
				out = append(out, t)
			}
			continue
		}
		t.key = strings.ToLower(key)
		if strings.HasPrefix(key, "@") {
			t.key = key
		}
		for _, op := range []string{">=", "<=", ">", "<"} {
			if rest, ok := strings.CutPrefix(value, op); ok && t.op == "" {
				t.op, value = op, rest
			}
		}
		if t.value = unquote(value); t.value == "" {
			return nil, fmt.Errorf("%s: want a value behind the colon", t.raw)
		}
		out = append(out, t)
	}
	return out, nil
}

func words(q string) (out []string) {
	var b strings.Builder
	quoted := false
	for _, r := range q {
		switch {
		case r == '"':
			quoted = !quoted
			b.WriteRune(r)
		case (r == ' ' || r == '\t' || r == '\n') && !quoted:
			if b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

func unquote(s string) string { return strings.ReplaceAll(s, `"`, "") }

// unknown is the error for a qualifier that there is not.
func unknown(t term, known ...string) error {
	best := ""
	for _, k := range known {
		if text.Distance(t.key, k) <= 2 {
			best = "; did you mean " + k + ":?"
		}
	}
	return fmt.Errorf("%s: there is no %s:%s want one of %s, or @ and an attribute's name", t.raw, t.key, best, strings.Join(known, " "))
}

// ParseTraces reads a query for traces:
//
//	word                       in the name or a service
//	service:shop               one of the trace's services
//	name:"GET /cart"           in the name
//	status:error  status:ok    with or without a span that failed
//	code:500  code:>=400       status of the HTTP response
//	duration:>100ms            also <, >=, <=
//	spans:>100                 the number of spans
//	trace:4bf92f35…            the beginning of the identifier
//	since:5m                   began in the last five minutes
//	after:1796037245807664661  began at that time or later, in nanoseconds since 1970; before: began earlier
//	run:current  run:previous  before or since the last start of the process
//	@db.system.name:redis      a span has the attribute with that value; * for any value
//
// A minus before it excludes: -status:error.
func ParseTraces(q string, now time.Time, run int64) (store.TraceQuery, error) {
	var out store.TraceQuery
	terms, err := split(q)
	if err != nil {
		return out, err
	}
	var all []func(*store.Summary) bool
	for _, t := range terms {
		if strings.HasPrefix(t.key, "@") {
			needles := &out.Contains
			if t.not {
				needles = &out.Lacks
			}
			*needles = append(*needles, needle(t.key[1:], t.value))
			continue
		}
		match, err := traceMatch(t, now, run)
		if err != nil {
			return out, err
		}
		if t.not {
			yes := match
			match = func(s *store.Summary) bool { return !yes(s) }
		}
		all = append(all, match)
	}
	if len(all) > 0 {
		out.Match = func(s *store.Summary) bool {
			return !slices.ContainsFunc(all, func(f func(*store.Summary) bool) bool { return !f(s) })
		}
	}
	return out, nil
}

// needle is what an encoded span with the attribute has in it.
func needle(key, value string) []byte {
	if value == "*" {
		return ingest.AttributeKey(key)
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && strconv.FormatInt(n, 10) == value {
		return ingest.Attribute(key, n)
	}
	if value == "true" || value == "false" {
		return ingest.Attribute(key, value == "true")
	}
	return ingest.Attribute(key, value)
}

func traceMatch(t term, now time.Time, run int64) (func(*store.Summary) bool, error) {
	value := strings.ToLower(t.value)
	bad := func(want string) error { return fmt.Errorf("%s: want %s", t.raw, want) }
	switch t.key {
	case "":
		return func(s *store.Summary) bool {
			return has(s.Name, value) || slices.ContainsFunc(s.Services, func(n string) bool { return has(n, value) })
		}, nil
	case "service", "component":
		return func(s *store.Summary) bool {
			return slices.ContainsFunc(s.Services, func(n string) bool { return strings.EqualFold(n, value) })
		}, nil
	case "name":
		return func(s *store.Summary) bool { return has(s.Name, value) }, nil
	case "status":
		if value != "error" && value != "ok" {
			return nil, bad("status:error or status:ok")
		}
		return func(s *store.Summary) bool { return (s.Errors > 0) == (value == "error") }, nil
	case "code", "spans":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, bad("a whole number")
		}
		if t.key == "code" {
			return func(s *store.Summary) bool { return s.Status != 0 && compare(t.op, int64(s.Status), n) }, nil
		}
		return func(s *store.Summary) bool { return compare(t.op, int64(s.Spans), n) }, nil
	case "duration", "since":
		d, err := time.ParseDuration(value)
		if err != nil {
			return nil, bad("a duration such as 100ms, 2s or 5m")
		}
		if t.key == "since" {
			from := now.Add(-d).UnixNano()
			return func(s *store.Summary) bool { return s.Start >= from }, nil
		}
		return func(s *store.Summary) bool { return compare(t.op, s.Duration(), int64(d)) }, nil
	case "after", "before":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, bad("a time in nanoseconds since 1970")
		}
		return func(s *store.Summary) bool { return (s.Start >= n) == (t.key == "after") }, nil
	case "trace":
		return func(s *store.Summary) bool { return strings.HasPrefix(s.ID.String(), value) }, nil
	case "run":
		if value != "current" && value != "previous" {
			return nil, bad("run:current or run:previous")
		}
		return func(s *store.Summary) bool { return (s.Run == run) == (value == "current") }, nil
	}
	return nil, unknown(t, "service", "name", "status", "code", "duration", "spans", "trace", "since", "after", "before", "run")
}

func has(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

func compare(op string, have, want int64) bool {
	switch op {
	case ">":
		return have > want
	case ">=":
		return have >= want
	case "<":
		return have < want
	case "<=":
		return have <= want
	}
	return have == want
}

// severities are the least numbers of OTLP's severities.
var severities = map[string]int{"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}

// ParseLogs reads a query for log records:
//
//	word               in the text
//	level:warn         at least of that severity: trace, debug, info, warn, error, fatal
//	service:shop       of that service
//	trace:IDENTIFIER   of that trace
//
// A minus before a word excludes.
func ParseLogs(q string) (store.LogQuery, error) {
	var out store.LogQuery
	terms, err := split(q)
	if err != nil {
		return out, err
	}
	for _, t := range terms {
		if t.not && t.key != "" {
			return out, fmt.Errorf("%s: only words can be excluded", t.raw)
		}
		switch t.key {
		case "":
			if t.not {
				out.Not = append(out.Not, t.value)
			} else {
				out.Text = append(out.Text, t.value)
			}
		case "level", "severity":
			n, ok := severities[strings.ToLower(t.value)]
			if !ok {
				return out, fmt.Errorf("%s: want trace, debug, info, warn, error or fatal", t.raw)
			}
			out.Severity = n
		case "service", "component":
			out.Service = t.value
		case "trace":
			if out.Trace, err = store.ParseTraceID(t.value); err != nil {
				return out, err
			}
		default:
			return out, unknown(t, "level", "service", "trace")
		}
	}
	return out, nil
}
