package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// transcoder writes protobuf's wire format of JSON as OTLP has it. It is at most a few times as long as its source: what takes most is a
// number of one digit in a list, which becomes eight bytes.
type transcoder struct {
	dec *json.Decoder
	out []byte
}

// transcode returns the wire format of a message in JSON. Fields that are not known are skipped; null is no value.
func transcode(src []byte, m *message) ([]byte, error) {
	t := &transcoder{dec: json.NewDecoder(bytes.NewReader(src)), out: make([]byte, 0, len(src))}
	t.dec.UseNumber()
	tok, err := t.token()
	if err != nil {
		return nil, err
	}
	if err := t.message(tok, m, deepest); err != nil {
		return nil, err
	}
	if _, err := t.dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("json: there is more after the message, at byte %d", t.dec.InputOffset())
	}
	return t.out, nil
}

func (t *transcoder) token() (json.Token, error) {
	tok, err := t.dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("json: at byte %d: %w", t.dec.InputOffset(), err)
	}
	return tok, nil
}

// message writes the fields of a message whose first token is tok.
func (t *transcoder) message(tok json.Token, m *message, depth int) error {
	if depth == 0 {
		return errDeep
	}
	if tok != json.Delim('{') {
		return fmt.Errorf("json: want an object before byte %d", t.dec.InputOffset())
	}
	for t.dec.More() {
		name, err := t.token()
		if err != nil {
			return err
		}
		tok, err := t.token()
		if err != nil {
			return err
		}
		f := m.byName[name.(string)]
		switch {
		case f == nil:
			err = t.skip(tok)
		case tok == nil:
		case f.repeated:
			err = t.list(tok, f, depth)
		default:
			err = t.field(tok, f, depth)
		}
		if err != nil {
			return err
		}
	}
	_, err := t.token()
	return err
}

// skip reads the rest of a value.
func (t *transcoder) skip(tok json.Token) (err error) {
	for open := 0; ; {
		switch tok {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open == 0 {
			return nil
		}
		if tok, err = t.token(); err != nil {
			return err
		}
	}
}

func (t *transcoder) list(tok json.Token, f *field, depth int) error {
	if tok != json.Delim('[') {
		return fmt.Errorf("json: %s: want an array before byte %d", f.name, t.dec.InputOffset())
	}
	for t.dec.More() {
		tok, err := t.token()
		if err != nil {
			return err
		}
		if err := t.field(tok, f, depth); err != nil {
			return err
		}
	}
	_, err := t.token()
	return err
}

// lengthBytes is what the length of a message takes, which is written after the message: more than it needs, as a varint may.
const lengthBytes = 4

// field writes one value of a field with its tag.
func (t *transcoder) field(tok json.Token, f *field, depth int) error {
	t.out = protowire.AppendTag(t.out, f.num, f.kind.wireType())
	if f.kind == kindMessage {
		at := len(t.out)
		t.out = append(t.out, make([]byte, lengthBytes)...)
		if err := t.message(tok, f.of, depth-1); err != nil {
			return err
		}
		n := len(t.out) - at - lengthBytes
		for i := range lengthBytes {
			t.out[at+i] = byte(n>>(7*i))&0x7f | 0x80
		}
		t.out[at+lengthBytes-1] &= 0x7f
		return nil
	}
	var err error
	if t.out, err = f.append(t.out, tok); err != nil {
		return fmt.Errorf("json: %s before byte %d: %w", f.name, t.dec.InputOffset(), err)
	}
	return nil
}

// append writes a scalar.
func (f *field) append(out []byte, tok json.Token) ([]byte, error) {
	switch f.kind {
	case kindText, kindBytes, kindID:
		b, err := f.bytes(tok)
		return protowire.AppendBytes(out, b), err
	case kindBool:
		v, ok := tok.(bool)
		if !ok {
			return out, fmt.Errorf("want true or false")
		}
		return protowire.AppendVarint(out, protowire.EncodeBool(v)), nil
	case kindEnum:
		if name, ok := tok.(string); ok {
			if n := slices.Index(f.values, name); n >= 0 {
				return protowire.AppendVarint(out, uint64(n)), nil
			}
		}
		n, err := integer(tok, math.MinInt32, math.MaxInt32)
		return protowire.AppendVarint(out, uint64(n)), err
	case kindInt64:
		n, err := integer(tok, math.MinInt64, math.MaxInt64)
		return protowire.AppendVarint(out, uint64(n)), err
	case kindSint32:
		n, err := integer(tok, math.MinInt32, math.MaxInt32)
		return protowire.AppendVarint(out, protowire.EncodeZigZag(n)), err
	case kindSfixed64:
		n, err := integer(tok, math.MinInt64, math.MaxInt64)
		return protowire.AppendFixed64(out, uint64(n)), err
	case kindUint:
		n, err := natural(tok, 64)
		return protowire.AppendVarint(out, n), err
	case kindFixed32:
		n, err := natural(tok, 32)
		return protowire.AppendFixed32(out, uint32(n)), err
	case kindFixed64:
		n, err := natural(tok, 64)
		return protowire.AppendFixed64(out, n), err
	}
	x, err := double(tok)
	return protowire.AppendFixed64(out, math.Float64bits(x)), err
}

// bytes decodes a text, bytes or an identifier.
func (f *field) bytes(tok json.Token) ([]byte, error) {
	s, ok := tok.(string)
	if !ok {
		return nil, fmt.Errorf("want a string")
	}
	switch f.kind {
	case kindID:
		b, err := hex.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("want hexadecimal digits")
		}
		return b, nil
	case kindBytes:
		b, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "=")))
		if err != nil {
			return nil, fmt.Errorf("want base64")
		}
		return b, nil
	}
	return []byte(s), nil
}

// numberText is a number, or a string that holds one.
func numberText(tok json.Token) string {
	switch v := tok.(type) {
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return ""
}

// integer decodes a whole number. As in protobuf's JSON, it may have a fraction of zeros or an exponent.
func integer(tok json.Token, least, most int64) (int64, error) {
	s := numberText(tok)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		x, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || x != math.Trunc(x) || math.Abs(x) >= 1<<63 {
			return 0, fmt.Errorf("want a whole number of 64 bits")
		}
		n = int64(x)
	}
	if n < least || n > most {
		return 0, fmt.Errorf("want a number from %d to %d", least, most)
	}
	return n, nil
}

func natural(tok json.Token, bits int) (uint64, error) {
	s := numberText(tok)
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		x, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || x != math.Trunc(x) || x < 0 || x >= math.Ldexp(1, bits) {
			return 0, fmt.Errorf("want a whole number of %d bits without a sign", bits)
		}
		n = uint64(x)
	}
	return n, nil
}

func double(tok json.Token) (float64, error) {
	switch s := numberText(tok); s {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	default:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, fmt.Errorf("want a number")
		}
		return x, nil
	}
}
