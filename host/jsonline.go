package host

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Field is what a guest's line of JSON says beside severity, time and message. Value is a string, a bool, an int64 or a float64.
type Field struct {
	Key   string
	Value any
}

// Bounds of what is taken from a line of JSON. A line that has more is marked as truncated.
const (
	maxFields     = 64
	maxFieldDepth = 4 // objects in objects, whose keys are joined by dots; what is deeper is JSON
	maxFieldKey   = 128
	maxFieldText  = 4 << 10
)

// The names that loggers give severity, message and time, without regard to case: zerolog's, zap's, slog's, pino's and bunyan's, log15's,
// Google's, OpenTelemetry's, Python's and Elastic's. The first one that a line has counts.
var (
	levelNames   = []string{"level", "severity", "lvl", "severity_text", "severitytext", "levelname", "log.level"}
	numberNames  = []string{"severity_number", "severitynumber"}
	messageNames = strings.Fields("message msg")
	maybeNames   = []string{"event", "body"} // structlog's and OpenTelemetry's, where there is a severity: other objects have such members, too
	timeNames    = []string{"time", "ts", "timestamp", "@timestamp", "asctime"}
)

// member is a member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// jsonObject is a line that is a JSON object.
type jsonObject struct{ members []member }

// parseJSONLine reads a line that is a JSON object, which has no more than one member of each name: the last.
func parseJSONLine(line string) (l jsonObject, ok bool) {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' || !json.Valid([]byte(line)) {
		return l, false
	}
	l.members = membersOf(json.RawMessage(line))
	return l, true
}

// membersOf are those of an object that is valid JSON, in its order.
func membersOf(object json.RawMessage) (all []member) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil
	}
	at := map[string]int{}
	for d.More() {
		name, err := d.Token()
		key, isText := name.(string)
		var m member
		if err != nil || !isText || d.Decode(&m.value) != nil {
			return all
		}
		m.name = key
		if i, again := at[key]; again {
			all[i] = m
			continue
		}
		at[key] = len(all)
		all = append(all, m)
	}
	return all
}

// take removes the first of names that read accepts, and says whether there was one.
func (l *jsonObject) take(names []string, read func(json.RawMessage) bool) bool {
	for _, name := range names {
		for i, m := range l.members {
			if strings.EqualFold(m.name, name) && read(m.value) {
				l.members = slices.Delete(l.members, i, i+1)
				return true
			}
		}
	}
	return false
}

// severity takes the severity.
func (l *jsonObject) severity() (s Severity, ok bool) {
	word := func(raw json.RawMessage) (known bool) {
		s, known = severityOfValue(raw)
		return known
	}
	if l.take(levelNames, word) {
		return s, true
	}
	for i, m := range l.members { // Elastic's, in an object
		if m.name != "log" || len(m.value) == 0 || m.value[0] != '{' {
			continue
		}
		inner := jsonObject{membersOf(m.value)}
		if inner.take([]string{"level"}, word) {
			l.members = slices.Delete(l.members, i, i+1)
			for _, rest := range inner.members {
				l.members = append(l.members, member{"log." + rest.name, rest.value})
			}
			return s, true
		}
	}
	ok = l.take(numberNames, func(raw json.RawMessage) bool {
		var n float64
		if json.Unmarshal(raw, &n) != nil || n < 1 || n > 24 {
			return false
		}
		s = Severity(n)
		return true
	})
	return s, ok
}

// message takes the message.
func (l *jsonObject) message(names []string) (s string, ok bool) {
	ok = l.take(names, func(raw json.RawMessage) bool { return raw[0] == '"' && json.Unmarshal(raw, &s) == nil })
	return s, ok
}

// parseJSON sets what the JSON object in l.Text says of the line. One with neither a severity nor a message is no line of a log, and stays as it is.
func (l *LogLine) parseJSON() (severe bool) {
	object, ok := parseJSONLine(l.Text)
	if !ok {
		return false
	}
	severity, severe := object.severity()
	message, told := object.message(messageNames)
	if !told && severe {
		message, told = object.message(maybeNames)
	}
	if !severe && !told {
		return false
	}
	if severe {
		l.Severity = severity
	}
	if told {
		l.Text, l.parsed = message, true
	}
	object.take(timeNames, func(json.RawMessage) bool { return true })
	f := fielder{}
	f.object("", object.members, 1)
	l.Fields = f.fields
	if !told && f.hid { // the text is the whole line
		l.Text = withoutSecrets(json.RawMessage(l.Text))
	}
	l.Truncated = l.Truncated || f.cut
	return severe
}

// fielder makes fields of members.
type fielder struct {
	fields []Field
	cut    bool // it has left something out
	hid    bool // it has replaced a secret
}

func (f *fielder) object(prefix string, members []member, depth int) {
	for _, m := range members {
		f.member(prefix+m.name, m.value, depth)
	}
}

func (f *fielder) member(key string, raw json.RawMessage, depth int) {
	if redact.Secret(key) && raw[0] != 'n' {
		f.hid = true
		f.add(key, redact.Mark)
		return
	}
	switch raw[0] {
	case 'n': // null
	case 't', 'f':
		f.add(key, raw[0] == 't')
	case '"':
		var s string
		_ = json.Unmarshal(raw, &s) // it is valid
		f.add(key, s)
	case '{':
		if depth < maxFieldDepth {
			f.object(key+".", membersOf(raw), depth+1)
			return
		}
		f.json(key, raw)
	case '[':
		f.json(key, raw)
	default:
		f.add(key, number(string(raw)))
	}
}

// json adds a value as JSON.
func (f *fielder) json(key string, raw json.RawMessage) {
	s := withoutSecrets(raw)
	f.hid = f.hid || strings.Contains(s, redact.Mark)
	f.add(key, s)
}

func (f *fielder) add(key string, value any) {
	if len(f.fields) == maxFields {
		f.cut = true
		return
	}
	if s, ok := value.(string); ok && len(s) > maxFieldText {
		value, f.cut = text.Cut(s, maxFieldText), true
	}
	f.fields = append(f.fields, Field{text.Cut(key, maxFieldKey), value})
}

// number is a number of JSON; one that is neither an int64 nor a float64 stays a text.
func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && strings.ContainsAny(s, ".eE") {
		return n
	}
	return s
}

// withoutSecrets is a valid JSON value in one line, in which members with names of secrets have lost their values.
func withoutSecrets(raw json.RawMessage) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(redacted(v)) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func redacted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if redact.Secret(key) {
				v[key] = redact.Mark
			} else {
				v[key] = redacted(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = redacted(v[i])
		}
	}
	return v
}

// Shown is the line for people: the text and, where that is only a part of the guest's line, the fields, as "text key=value".
func (l LogLine) Shown() string {
	if !l.parsed || len(l.Fields) == 0 {
		return l.Text
	}
	var b strings.Builder
	b.WriteString(l.Text)
	for i, f := range l.Fields {
		if i > 0 || l.Text != "" {
			b.WriteByte(' ')
		}
		b.WriteString(word(f.Key) + "=" + word(f.String()))
	}
	return b.String()
}

// String is the value as a text.
func (f Field) String() string {
	switch v := f.Value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return ""
}

// word is s, in quotes where it would not look like one word.
func word(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' }) {
		return strconv.Quote(s)
	}
	return s
}
