package otel

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// bytesPrefix begins a string that stands for bytes (wasi:otel/types, value). A string that is meant as it stands and begins so
// cannot be told from them.
const bytesPrefix = "data:application/octet-stream;base64,"

// Bounds of one value. A deeper or larger one is no value, and stays text.
const (
	maxDepth = 64
	maxNodes = 1 << 16
)

// decodeValue decodes JSON (RFC 8259) to an AnyValue. Numbers without a fraction and an exponent are whole numbers; those that do
// not fit into 64 bits are strings of their digits, as OpenTelemetry maps them. encoding/json does not tell 1.0 from 1, and
// nesting is bounded here.
func decodeValue(text string) (v otel.Value, ok bool) {
	d := decoder{in: text, nodes: maxNodes}
	d.space()
	if v, ok = d.value(maxDepth); !ok {
		return nil, false
	}
	d.space()
	return v, d.at == len(d.in)
}

// decoder decodes one value.
type decoder struct {
	in    string
	at    int
	nodes int // values that there may still be
}

func (d *decoder) space() {
	for d.at < len(d.in) {
		switch d.in[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// take skips c, if it is what comes next.
func (d *decoder) take(c byte) bool {
	if d.at < len(d.in) && d.in[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) value(depth int) (otel.Value, bool) {
	if d.nodes--; d.nodes < 0 || depth == 0 || d.at == len(d.in) {
		return nil, false
	}
	switch c := d.in[d.at]; {
	case c == '"':
		s, ok := d.str()
		return stringOrBytes(s), ok
	case c == '[':
		return d.list(depth - 1)
	case c == '{':
		return d.object(depth - 1)
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case d.word("true"):
		return true, true
	case d.word("false"):
		return false, true
	case d.word("null"):
		return nil, true
	}
	return nil, false
}

func (d *decoder) word(w string) bool {
	if strings.HasPrefix(d.in[d.at:], w) {
		d.at += len(w)
		return true
	}
	return false
}

func stringOrBytes(s string) otel.Value {
	if digits, ok := strings.CutPrefix(s, bytesPrefix); ok {
		if b, err := base64.StdEncoding.Strict().DecodeString(digits); err == nil {
			return b
		}
	}
	return s
}

func (d *decoder) list(depth int) (otel.Value, bool) {
	d.at++
	out := []otel.Value{}
	for d.space(); !d.take(']'); d.space() {
		if len(out) > 0 {
			if !d.take(',') {
				return nil, false
			}
			d.space()
		}
		v, ok := d.value(depth)
		if !ok {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

func (d *decoder) object(depth int) (otel.Value, bool) {
	d.at++
	out := []otel.KeyValue{}
	for d.space(); !d.take('}'); d.space() {
		if len(out) > 0 {
			if !d.take(',') {
				return nil, false
			}
			d.space()
		}
		if d.at == len(d.in) || d.in[d.at] != '"' {
			return nil, false
		}
		key, ok := d.str()
		if d.space(); !ok || !d.take(':') {
			return nil, false
		}
		d.space()
		v, ok := d.value(depth)
		if !ok {
			return nil, false
		}
		out = append(out, otel.KeyValue{Key: key, Value: v})
	}
	return out, true
}

// number decodes by the grammar of RFC 8259 §6.
func (d *decoder) number() (otel.Value, bool) {
	from := d.at
	d.take('-')
	first := d.at
	if !d.digits() || d.in[first] == '0' && d.at > first+1 {
		return nil, false
	}
	whole := true
	if d.take('.') {
		whole = false
		if !d.digits() {
			return nil, false
		}
	}
	if d.take('e') || d.take('E') {
		whole = false
		if !d.take('+') {
			d.take('-')
		}
		if !d.digits() {
			return nil, false
		}
	}
	text := d.in[from:d.at]
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, true
		}
		return text, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return text, true
	}
	return f, true
}

// digits skips digits, and says whether there are any.
func (d *decoder) digits() bool {
	from := d.at
	for d.at < len(d.in) && d.in[d.at] >= '0' && d.in[d.at] <= '9' {
		d.at++
	}
	return d.at > from
}

// str decodes a string. One without escapes is a part of the input.
func (d *decoder) str() (string, bool) {
	d.at++
	from := d.at
	for ; d.at < len(d.in); d.at++ {
		switch c := d.in[d.at]; {
		case c == '"':
			d.at++
			return d.in[from : d.at-1], true
		case c < ' ':
			return "", false
		case c == '\\':
			return d.escaped(from)
		}
	}
	return "", false
}

// escaped decodes the rest of a string that has begun at from and has an escape next.
func (d *decoder) escaped(from int) (string, bool) {
	out := append(make([]byte, 0, d.at-from+32), d.in[from:d.at]...)
	for d.at < len(d.in) {
		c := d.in[d.at]
		d.at++
		switch {
		case c == '"':
			return string(out), true
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
			continue
		}
		if d.at == len(d.in) {
			return "", false
		}
		c = d.in[d.at]
		d.at++
		if c == 'u' {
			r, ok := d.unicode()
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return "", false
		}
		out = append(out, "\"\\/\b\f\n\r\t"[i])
	}
	return "", false
}

// unicode decodes what follows \u, the second half of a surrogate pair too. A half without the other is U+FFFD.
func (d *decoder) unicode() (rune, bool) {
	r, ok := d.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if back := d.at; strings.HasPrefix(d.in[d.at:], `\u`) {
		d.at += 2
		low, ok := d.hex4()
		if !ok {
			return 0, false
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, true
		}
		d.at = back
	}
	return utf8.RuneError, true
}

func (d *decoder) hex4() (r rune, ok bool) {
	if len(d.in)-d.at < 4 {
		return 0, false
	}
	for range 4 {
		n, ok := digit(d.in[d.at])
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(n)
		d.at++
	}
	return r, true
}
