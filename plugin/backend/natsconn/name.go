package natsconn

import (
	"errors"
	"slices"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// maxBucket bounds a bucket's name, in bytes: the server bounds that of its stream, of which it is a part.
const maxBucket = 240

// escape is a text in the characters of a bucket's name. No text has two underscores side by side, so that these separate texts.
func escape(s string) string {
	if s == "" {
		return "_-"
	}
	return backend.Escape(s, '_', func(_ int, c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
	})
}

// Prefix is what the names of an owner's buckets begin with, and no others.
func Prefix(o backend.Owner) string {
	return "vitrine__" + escape(o.Namespace) + "__" + escape(o.Workload) + "__" + escape(o.Component) + "__"
}

// Bucket is the name of an owner's bucket, for any text.
func Bucket(o backend.Owner, name string) (string, error) {
	bucket := Prefix(o) + escape(name)
	if len(bucket) > maxBucket {
		return "", errors.New("the name is too long for a bucket in NATS, together with those of the workload and the component")
	}
	return bucket, nil
}

// Lowest collects the lowest of the names that are added, in bytes' order, for a page of a list. The zero Lowest collects nothing.
type Lowest struct {
	After string // names up to this one do not count
	Most  int    // names of a page

	names []string
	more  bool
}

// Add adds a name.
func (l *Lowest) Add(name string) {
	if name <= l.After {
		return
	}
	if l.names = append(l.names, name); len(l.names) >= 2*l.Most+2 {
		l.cut()
	}
}

func (l *Lowest) cut() {
	slices.Sort(l.names)
	l.names = slices.Compact(l.names)
	if len(l.names) > l.Most {
		l.names, l.more = l.names[:l.Most], true
	}
}

// Page returns the names of the page in order, and whether there are more.
func (l *Lowest) Page() (names []string, more bool) {
	l.cut()
	return l.names, l.more
}
