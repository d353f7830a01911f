package host

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// lineOfGuest writes one line to a component's standard output.
func lineOfGuest(t *testing.T, c workload.Component, line string) LogLine {
	t.Helper()
	rec := &recorder{}
	if err := NewLines(&workload.Spec{}, &c, rec).Stream("stdout")(t.Context(), []byte(line+"\n")); err != nil {
		t.Fatal(err)
	}
	if len(rec.lines) != 1 {
		t.Fatalf("%d lines", len(rec.lines))
	}
	return rec.lines[0]
}

// TestLinesOfJSON: a line that is a JSON object with a level or a message is taken apart; every other line stays as it is.
func TestLinesOfJSON(t *testing.T) {
	for name, c := range map[string]struct {
		line, text, shown string
		severity          Severity
		fields            []Field
	}{
		"slog": {`{"time":"2026-01-01T00:00:00Z","level":"WARN","msg":"low on pears","left":3,"shop":{"id":"s1","open":true}}`,
			"low on pears", "low on pears left=3 shop.id=s1 shop.open=true", SeverityWarn,
			[]Field{{"left", int64(3)}, {"shop.id", "s1"}, {"shop.open", true}}},
		"zerolog": {`{"level":"error","error":"no cart","time":1700000000,"message":"checkout failed"}`,
			"checkout failed", `checkout failed error="no cart"`, SeverityError, []Field{{"error", "no cart"}}},
		"zap": {`{"level":"info","ts":1700000000.5,"caller":"a/b.go:7","msg":"up"}`,
			"up", "up caller=a/b.go:7", SeverityInfo, []Field{{"caller", "a/b.go:7"}}},
		"pino": {`{"level":50,"time":1700000000000,"pid":1,"hostname":"h","msg":"boom"}`,
			"boom", "boom pid=1 hostname=h", SeverityError, []Field{{"pid", int64(1)}, {"hostname", "h"}}},
		"structlog": {`{"event":"cart emptied","level":"info","timestamp":"2026-01-01"}`, "cart emptied", "cart emptied", SeverityInfo, nil},
		"Elastic": {`{"@timestamp":"2026-01-01","log":{"level":"error","logger":"a"},"message":"x","ecs.version":"1"}`,
			"x", "x ecs.version=1 log.logger=a", SeverityError, []Field{{"ecs.version", "1"}, {"log.logger", "a"}}},
		"message without level": {`{"msg":"x","n":1.5}`, "x", "x n=1.5", SeverityInfo, []Field{{"n", 1.5}}},
		"empty message":         {`{"level":"warn","msg":"","n":1}`, "", "n=1", SeverityWarn, []Field{{"n", int64(1)}}},
		"level without message": {`{"level":"error","error":"no cart"}`, `{"level":"error","error":"no cart"}`, `{"level":"error","error":"no cart"}`, SeverityError,
			[]Field{{"error", "no cart"}}},
		"secret without message": {`{"level":"error","password":"s3cr3t","n":1}`, `{"level":"error","n":1,"password":"REDACTED"}`, `{"level":"error","n":1,"password":"REDACTED"}`,
			SeverityError, []Field{{"password", "REDACTED"}, {"n", int64(1)}}},
		"secret in a list without message": {`{"level":"error","all":[{"token":"s3cr3t"}]}`, `{"all":[{"token":"REDACTED"}],"level":"error"}`, `{"all":[{"token":"REDACTED"}],"level":"error"}`,
			SeverityError, []Field{{"all", `[{"token":"REDACTED"}]`}}},
		"message that is no text": {`{"msg":{"a":1},"level":"info"}`, `{"msg":{"a":1},"level":"info"}`, `{"msg":{"a":1},"level":"info"}`, SeverityInfo, []Field{{"msg.a", int64(1)}}},
		"unknown level":           {`{"level":"purple","msg":"x"}`, "x", "x level=purple", SeverityInfo, []Field{{"level", "purple"}}},
		"both messages":           {`{"message":"one","msg":"two"}`, "one", "one msg=two", SeverityInfo, []Field{{"msg", "two"}}},
		"null":                    {`{"msg":"x","n":null}`, "x", "x", SeverityInfo, nil},
		"arrays":                  {`{"msg":"x","ids":[1, 2],"of":[{"a":1}]}`, "x", `x ids=[1,2] of="[{\"a\":1}]"`, SeverityInfo, []Field{{"ids", "[1,2]"}, {"of", `[{"a":1}]`}}},
		"large number":            {`{"msg":"x","n":18446744073709551615}`, "x", "x n=18446744073709551615", SeverityInfo, []Field{{"n", "18446744073709551615"}}},
		"same name twice":         {`{"msg":"x","n":1,"n":2}`, "x", "x n=2", SeverityInfo, []Field{{"n", int64(2)}}},
		"secrets": {`{"msg":"x","password":"s3cr3t","db":{"api_key":"s3cr3t"},"all":[{"token":"s3cr3t","a":1}],"auth":{"cookie":"s3cr3t"}}`,
			"x", `x password=REDACTED db.api_key=REDACTED all="[{\"a\":1,\"token\":\"REDACTED\"}]" auth=REDACTED`, SeverityInfo,
			[]Field{{"password", "REDACTED"}, {"db.api_key", "REDACTED"}, {"all", `[{"a":1,"token":"REDACTED"}]`}, {"auth", "REDACTED"}}},
		"no log":    {`{"n":1}`, `{"n":1}`, `{"n":1}`, SeverityInfo, nil},
		"event":     {`{"event":"x"}`, `{"event":"x"}`, `{"event":"x"}`, SeverityInfo, nil},
		"array":     {`[{"msg":"x"}]`, `[{"msg":"x"}]`, `[{"msg":"x"}]`, SeverityInfo, nil},
		"half":      {`{"msg":"x"`, `{"msg":"x"`, `{"msg":"x"`, SeverityInfo, nil},
		"two":       {`{"msg":"x"}{"msg":"y"}`, `{"msg":"x"}{"msg":"y"}`, `{"msg":"x"}{"msg":"y"}`, SeverityInfo, nil},
		"empty":     {`{}`, `{}`, `{}`, SeverityInfo, nil},
		"plain":     {`msg=x`, `msg=x`, `msg=x`, SeverityInfo, nil},
		"surrogate": {`{"msg":"\ud800"}`, "\uFFFD", "\uFFFD", SeverityInfo, nil},
	} {
		l := lineOfGuest(t, workload.Component{}, c.line)
		if l.Text != c.text || l.Severity != c.severity || !reflect.DeepEqual(l.Fields, c.fields) || l.Shown() != c.shown || l.Truncated {
			t.Errorf("%s: %+v, shown as %s", name, l, l.Shown())
		}
		l = lineOfGuest(t, workload.Component{Lines: "text"}, c.line)
		if l.Text != c.line || l.Severity != SeverityInfo || l.Fields != nil || l.Shown() != c.line {
			t.Errorf("%s as text: %+v", name, l)
		}
	}
}

// TestLinesOfJSONAreBounded: however many members a line has, however deep and long they are.
func TestLinesOfJSONAreBounded(t *testing.T) {
	var many strings.Builder
	many.WriteString(`{"msg":"x"`)
	for i := range 1000 {
		fmt.Fprintf(&many, `,"k%d":%d`, i, i)
	}
	many.WriteString("}")
	for name, line := range map[string]string{
		"many":     many.String(),
		"long":     `{"msg":"x","k":"` + strings.Repeat("é", 20_000) + `"}`,
		"long key": `{"msg":"x","` + strings.Repeat("k", 20_000) + `":1}`,
		"deep":     `{"msg":"x","k":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) + "}",
		"deeper":   `{"msg":"x","k":` + strings.Repeat(`[`, 9000) + strings.Repeat("]", 9000) + "}",
	} {
		l := lineOfGuest(t, workload.Component{}, line)
		size := 0
		for _, f := range l.Fields {
			size += len(f.Key) + len(f.String())
		}
		if l.Text != "x" || len(l.Fields) == 0 || len(l.Fields) > maxFields || size > 3*maxFieldText {
			t.Errorf("%s: text %.20q, %d fields with %d bytes", name, l.Text, len(l.Fields), size)
		}
		if !l.Truncated && name != "long key" {
			t.Errorf("%s: nothing says that it is cut", name)
		}
	}
}

// TestConsoleShowsFields: behind the message as text, below "fields" as JSON; control characters are shown, not obeyed.
func TestConsoleShowsFields(t *testing.T) {
	line := lineOfGuest(t, workload.Component{Name: "shop"}, `{"level":"warn","msg":"a\nb","who":"\u001b[2J","level2":1}`)
	for asJSON, want := range map[bool]string{
		false: "WARN [shop stdout] :: a\\nb who=",
		true:  `"fields":{"level2":1,"who":"\u001b[2J"}`,
	} {
		var b bytes.Buffer
		c := NewConsole(&b, asJSON, SeverityTrace)
		c.Log(t.Context(), line)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.Contains(got, want) || strings.ContainsRune(got, '\x1b') || strings.Count(got, "\n") != 1 {
			t.Errorf("got %q", got)
		}
	}
}

func FuzzJSONLine(f *testing.F) {
	f.Add(`{"level":"warn","msg":"x","a":{"b":[1,null,"c"]},"password":"p"}`)
	f.Add(`{"log":{"level":"error"},"message":"\ud800","n":1e999}`)
	f.Fuzz(func(t *testing.T, line string) {
		l := LogLine{Text: line, Severity: SeverityInfo}
		l.parseJSON()
		if len(l.Fields) > maxFields || len(l.Text) > 3*len(line) {
			t.Errorf("%d fields, %d bytes of text", len(l.Fields), len(l.Text))
		}
		_ = l.Shown()
	})
}
