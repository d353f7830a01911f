package http

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Errors of changes of fields.
var (
	ErrInvalidSyntax = errors.New("fields: invalid name or value")
	ErrForbidden     = errors.New("fields: the host sets this field itself")
	ErrImmutable     = errors.New("fields: these fields cannot be changed")
	ErrFieldsSize    = errors.New("fields: larger than the host allows")
)

// MaxFields is the default bound of the size of a guest's fields: names, values, and fieldOverhead for each.
const (
	MaxFields     = 128 << 10
	fieldOverhead = 32
)

// Limits bound the messages that a guest makes and receives; 0 is the default.
type Limits struct {
	Fields   int    // size of headers or trailers; by default MaxFields
	Body     uint64 // bytes of a body; by default unbounded
	Requests int    // exchanges of one guest that are under way; by default unbounded
}

// Field is one field line. Names are compared without regard to case.
type Field struct{ Name, Value string }

// Fields are headers or trailers, with the order and case of the guest's calls. Incoming fields have names in lower case and
// are immutable. Not safe for concurrent use.
type Fields struct {
	list      []Field
	size      int
	max       int // 0: MaxFields
	immutable bool
}

// NewFields makes empty mutable fields.
func NewFields() *Fields { return &Fields{} }

// NewFields makes empty mutable fields with the limit.
func (l Limits) NewFields() *Fields { return &Fields{max: l.Fields} }

// Size is the size that [Limits] bounds.
func (f *Fields) Size() int { return f.size }

// room fails if size is over the limit.
func (f *Fields) room(size int) error {
	if most := cmp.Or(f.max, MaxFields); size > most {
		return fmt.Errorf("%w: %d bytes", ErrFieldsSize, most)
	}
	return nil
}

// FieldsFromHeader makes immutable fields, sorted by name, without those that a guest may not write, those that the
// Connection field names, and malformed ones: net/http accepts "a b: c" from a server.
func FieldsFromHeader(h http.Header) *Fields {
	f := &Fields{immutable: true, list: make([]Field, 0, len(h)+1)}
	named := connectionNames(h)
	for name, values := range h {
		name = strings.ToLower(name)
		if hiddenField(name) || slices.Contains(named, name) || !validName(name) {
			continue
		}
		for _, v := range values {
			if !validValue(v) {
				continue
			}
			f.list = append(f.list, Field{name, v})
			f.size += len(name) + len(v) + fieldOverhead
		}
	}
	slices.SortStableFunc(f.list, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// Header converts the fields for net/http, without those that the host sets itself. Content-Length is included only if it
// occurs once and has digits only: net/http would send "+3", or two of them, which other implementations read differently.
func (f *Fields) Header() http.Header {
	h := make(http.Header, len(f.list))
	f.AddTo(h)
	return h
}

// AddTo adds the fields of Header to h, which has none of them.
func (f *Fields) AddTo(h http.Header) {
	values := make([]string, 0, len(f.list))
	for _, e := range f.list {
		if forbiddenField(strings.ToLower(e.Name)) {
			continue
		}
		k := http.CanonicalHeaderKey(e.Name)
		if had, ok := h[k]; ok {
			h[k] = append(had, e.Value)
			continue
		}
		values = append(values, e.Value)
		h[k] = values[len(values)-1 : len(values) : len(values)]
	}
	if _, ok := h[lengthKey]; ok {
		if n := contentLength(f); n >= 0 {
			h[lengthKey] = []string{strconv.FormatInt(n, 10)}
		} else {
			delete(h, lengthKey)
		}
	}
}

// KeepCase gives the names in h, which has these fields, the case in which they were written: a server of HTTP/1 sends them so. Those that
// net/http looks for itself stay as it spells them.
func (f *Fields) KeepCase(h http.Header) {
	for _, e := range f.list {
		switch e.Name { // as most guests write them
		case "connection", "content-encoding", "content-length", "content-type", "date", "trailer", "transfer-encoding":
			continue
		}
		k := http.CanonicalHeaderKey(e.Name)
		switch k {
		case e.Name, lengthKey, "Connection", "Content-Encoding", "Content-Type", "Date", "Trailer", "Transfer-Encoding":
			continue
		}
		if v, ok := h[k]; ok {
			delete(h, k)
			if had := h[e.Name]; had != nil {
				v = append(had, v...)
			}
			h[e.Name] = v
		}
	}
}

const lengthKey = "Content-Length"

// Frozen returns the fields as immutable ones.
func (f *Fields) Frozen() *Fields {
	out := f.frozen()
	return &out
}

func (f *Fields) frozen() Fields { return Fields{list: f.list, size: f.size, immutable: true} }

// Clone returns a mutable copy.
func (f *Fields) Clone() *Fields {
	return &Fields{list: slices.Clone(f.list), size: f.size, max: f.max}
}

// Entries returns all fields in order. The slice is shared and must not be changed.
func (f *Fields) Entries() []Field { return f.list }

// Get returns all values of name; none if name is malformed.
func (f *Fields) Get(name string) []string {
	var out []string
	for _, e := range f.list {
		if strings.EqualFold(e.Name, name) {
			out = append(out, e.Value)
		}
	}
	return out
}

// Has says whether there is a field of that name.
func (f *Fields) Has(name string) bool {
	return slices.ContainsFunc(f.list, func(e Field) bool { return strings.EqualFold(e.Name, name) })
}

// Set replaces all values of name.
func (f *Fields) Set(name string, values []string) error {
	if err := f.writable(name); err != nil {
		return err
	}
	for _, v := range values {
		if !validValue(v) {
			return ErrInvalidSyntax
		}
	}
	size := f.size - f.sizeOf(name)
	for _, v := range values {
		size += len(name) + len(v) + fieldOverhead
	}
	if err := f.room(size); err != nil {
		return err
	}
	f.remove(name)
	for _, v := range values {
		f.list = append(f.list, Field{name, v})
	}
	f.size = size
	return nil
}

// Append adds a value.
func (f *Fields) Append(name, value string) error {
	if err := f.writable(name); err != nil {
		return err
	}
	if !validValue(value) {
		return ErrInvalidSyntax
	}
	size := f.size + len(name) + len(value) + fieldOverhead
	if err := f.room(size); err != nil {
		return err
	}
	f.list = append(f.list, Field{name, value})
	f.size = size
	return nil
}

// Delete removes all values of name. Forbidden names may be deleted, as copied fields can have them.
func (f *Fields) Delete(name string) error {
	if f.immutable {
		return ErrImmutable
	}
	if !validName(name) {
		return ErrInvalidSyntax
	}
	f.size -= f.sizeOf(name)
	f.remove(name)
	return nil
}

func (f *Fields) writable(name string) error {
	switch {
	case f.immutable:
		return ErrImmutable
	case !validName(name):
		return ErrInvalidSyntax
	case forbiddenField(strings.ToLower(name)):
		return ErrForbidden
	}
	return nil
}

func (f *Fields) remove(name string) {
	f.list = slices.DeleteFunc(f.list, func(e Field) bool { return strings.EqualFold(e.Name, name) })
}

func (f *Fields) sizeOf(name string) int {
	n := 0
	for _, e := range f.list {
		if strings.EqualFold(e.Name, name) {
			n += len(e.Name) + len(e.Value) + fieldOverhead
		}
	}
	return n
}

// hopByHopField says whether a field (in lower case) describes one connection and not the message: RFC 9110 §7.6.1.
func hopByHopField(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings", "te":
		return true
	}
	return false
}

// forbiddenField says whether a guest may not write a field (in lower case): fields of the connection, proxy credentials, and
// host, which is the request's authority. It may write te, by which a client accepts trailers.
func forbiddenField(name string) bool {
	switch name {
	case "host", "proxy-authenticate", "proxy-authorization":
		return true
	case "te":
		return false
	}
	return hopByHopField(name)
}

// hiddenField says whether a guest does not receive a field (in lower case): those that it may not write, so that it can copy
// the fields of a message, and hop-by-hop ones.
func hiddenField(name string) bool { return forbiddenField(name) || hopByHopField(name) }

// connectionNames are the fields that the connection field declares to be hop-by-hop, in lower case.
func connectionNames(h http.Header) []string {
	var names []string
	for _, v := range h["Connection"] {
		for n := range strings.SplitSeq(v, ",") {
			if n = strings.ToLower(strings.TrimSpace(n)); n != "" {
				names = append(names, n)
			}
		}
	}
	return names
}

// validName is the token of RFC 9110 §5.6.2.
func validName(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return true
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// validValue is the field-value of RFC 9110 §5.5: no control characters but the tab.
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
