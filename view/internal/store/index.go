package store

import (
	"math/bits"
	"slices"
	"strings"
)

// entry is a trace in memory.
type entry struct {
	id         TraceID
	seq        uint64 // of its last change
	start, end int64
	spans      int32
	errors     int32
	status     int16
	rank       uint8 // how good a head of the trace the span is that gives it its name
	failed     bool  // that span
	head       int64 // its start
	name       string
	service    string
	services   *names
	chunks     []place
	newer      *entry // in the order in which they were first seen
	older      *entry
}

// place is a row of table chunk.
type place struct {
	segment *segment
	row     int64
}

// Ranks of a trace's head: the span that a list calls it by.
const (
	rankChild  = iota // has a parent, which may be elsewhere
	rankServer        // the same, and its batch has no such parent
	rankRoot          // has no parent
)

// part is what a chunk says of its trace.
type part struct {
	trace         TraceID
	start, end    int64
	spans, errors int
	name, service string
	services      string
	status        int
	rank          uint8
	failed        bool
	head          int64
}

// index has the summaries of all traces. Guarded by Store.mu.
type index struct {
	traces         map[TraceID]*entry
	newest, oldest *entry
	texts          map[string]string // one copy of each name
	sets           map[string]*names // and of each set of services
	seq            uint64
}

func newIndex() *index {
	return &index{traces: map[TraceID]*entry{}, texts: map[string]string{}, sets: map[string]*names{}}
}

// maxTexts bounds the names that are kept once each; further ones are kept with each trace.
const maxTexts = 10000

func (x *index) text(s string) string {
	if have, ok := x.texts[s]; ok {
		return have
	}
	s = strings.Clone(s)
	if len(x.texts) < maxTexts {
		x.texts[s] = s
	}
	return s
}

// add merges a chunk into its trace's summary.
func (x *index) add(p *part, at place) {
	e := x.traces[p.trace]
	x.seq++
	if e == nil {
		e = &entry{id: p.trace, start: p.start, end: p.end, older: x.newest}
		if x.newest != nil {
			x.newest.newer = e
		} else {
			x.oldest = e
		}
		x.newest = e
		x.traces[p.trace] = e
	}
	e.seq = x.seq
	e.start, e.end = min(e.start, p.start), max(e.end, p.end)
	e.spans += int32(p.spans)
	e.errors += int32(p.errors)
	if len(e.chunks) == 0 || p.rank > e.rank || p.rank == e.rank && p.head < e.head {
		e.rank, e.head, e.failed, e.status = p.rank, p.head, p.failed, int16(p.status)
		e.name, e.service = x.text(p.name), x.text(p.service)
	}
	if e.services == nil || e.services.joined != p.services {
		e.services = x.set(e.services, p.services)
	}
	e.chunks = append(e.chunks, at)
}

// forget removes a segment's rows, and traces that have no others. Their summaries stay as they are while they have.
func (x *index) forget(s *segment) {
	for e := x.oldest; e != nil; e = e.newer {
		if !slices.ContainsFunc(e.chunks, func(p place) bool { return p.segment == s }) {
			continue
		}
		if e.chunks = slices.DeleteFunc(e.chunks, func(p place) bool { return p.segment == s }); len(e.chunks) == 0 {
			x.unlink(e)
		}
	}
}

func (x *index) unlink(e *entry) {
	delete(x.traces, e.id)
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		x.oldest = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		x.newest = e.older
	}
}

// names is a set of services. It is not changed: many traces share one.
type names struct {
	list   []string // sorted
	joined string   // with newlines between them
}

// set is the union of a set, which may be nil, and a list with newlines between its elements.
func (x *index) set(have *names, joined string) *names {
	list := strings.Split(joined, "\n")
	if have != nil {
		list = append(list, have.list...)
		slices.Sort(list)
		list = slices.Compact(list)
		joined = strings.Join(list, "\n")
	}
	if set := x.sets[joined]; set != nil {
		return set
	}
	set := &names{list, strings.Clone(joined)}
	if len(x.sets) < maxTexts {
		x.sets[set.joined] = set
	}
	return set
}

func (e *entry) summary() Summary {
	return Summary{
		ID: e.id, Start: e.start, End: e.end, Spans: int(e.spans), Errors: int(e.errors), Name: e.name, Service: e.service,
		Status: int(e.status), Rooted: e.rank == rankRoot, Failed: e.failed, Services: e.services.list,
		Run: e.chunks[0].segment.run, Seq: e.seq,
	}
}

// Buckets of durations: four for each doubling, from a microsecond.
const (
	bucketsPerDoubling = 4
	Buckets            = 27 * bucketsPerDoubling // up to about two minutes; the last one has all that is longer
)

// bucketOf is the bucket of a duration in nanoseconds.
func bucketOf(d int64) int {
	us := uint64(max(d, 0)) / 1000
	if us < bucketsPerDoubling {
		return int(us)
	}
	log := bits.Len64(us) - 1
	return min((log-1)*bucketsPerDoubling+int(us>>(log-2))&(bucketsPerDoubling-1), Buckets-1)
}

// BucketStart is the least duration of a bucket, in nanoseconds.
func BucketStart(i int) int64 {
	if i < bucketsPerDoubling {
		return int64(i) * 1000
	}
	log := i/bucketsPerDoubling + 1
	return int64(bucketsPerDoubling+i%bucketsPerDoubling) << (log - 2) * 1000
}
