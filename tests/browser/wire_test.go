package browser

import (
	"bytes"
	wire "encoding/binary"
	"io"
	"net/http"
	"testing"
)

// message is an encoded message of protobuf, as far as these tests need it: OTLP as JSON takes long to read.
type message []byte

func (m message) bytes(field int, b []byte) message {
	m = wire.AppendUvarint(m, uint64(field)<<3|2)
	return append(wire.AppendUvarint(m, uint64(len(b))), b...)
}

func (m message) text(field int, s string) message { return m.bytes(field, []byte(s)) }

func (m message) number(field int, n uint64) message {
	return wire.AppendUvarint(wire.AppendUvarint(m, uint64(field)<<3), n)
}

func (m message) fixed(field int, n uint64) message {
	return wire.LittleEndian.AppendUint64(wire.AppendUvarint(m, uint64(field)<<3|1), n)
}

// attributed adds an attribute with a text.
func (m message) attributed(field int, key, value string) message {
	return m.bytes(field, message(nil).text(1, key).bytes(2, message(nil).text(1, value)))
}

// id is an identifier of a length in bytes.
func id(n uint64, length int) []byte {
	b := make([]byte, length)
	wire.BigEndian.PutUint64(b[length-8:], n)
	return b
}

// wireSpan is an encoded span.
func wireSpan(trace, span, parent uint64, name string, start, end int64) message {
	m := message(nil).bytes(1, id(trace, 16)).bytes(2, id(span, 8))
	if parent > 0 {
		m = m.bytes(4, id(parent, 8))
	}
	return m.text(5, name).number(6, 2).fixed(7, uint64(start)).fixed(8, uint64(end))
}

// post sends spans of a service, or what else is in such an envelope, to a path of the receiver.
func (s *server) post(t *testing.T, path, service string, items []message) {
	t.Helper()
	var scope message
	for _, one := range items {
		scope = scope.bytes(2, one)
	}
	body := message(nil).bytes(1, message(nil).bytes(1, message(nil).attributed(1, "service.name", service)).bytes(2, scope))
	r, err := http.Post(s.view+path, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, _ := io.ReadAll(r.Body); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, text)
	}
}

// raw is a packed list of numbers of 64 bits.
func (m message) raw(all ...uint64) message {
	for _, n := range all {
		m = wire.LittleEndian.AppendUint64(m, n)
	}
	return m
}
