package store

import (
	"iter"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// entry is a trace in memory. It has no pointers, and neither has the map that finds it: the garbage collector would look at each of a
// hundred thousand of them many times a minute, which took more of a busy server's time than all else that the viewer does in it.
type entry struct {
	id           TraceID
	start, end   int64
	head         int64 // the start of the span that gives it its name
	row          int64 // of its only chunk; index.places has those of a trace with several
	segment      uint32
	spans        int32
	errors       int32
	name         uint32 // of index.texts, or unlisted
	service      uint32
	services     uint32 // of index.sets, or unlisted
	newer, older ref    // in the order in which they were first seen
	status       int16
	rank         uint8 // how good a head of the trace the span is that gives it its name
	failed       bool  // that span
	several      bool  // its chunks are in index.places
}

// ref is the number of an entry; 0 is none.
type ref uint32

// place is a row of table chunk.
type place struct {
	segment *segment
	row     int64
}

func (p place) cursor() Cursor { return Cursor{p.segment.run, p.segment.seq, p.row} }

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
	traces         map[TraceID]ref
	entries        []*[entriesTogether]entry
	used, free     ref // the last entry that was made, and the first one that is free, which is before others by their newer
	newest, oldest ref

	segments []*segment // by number, less 1; nil: forgotten
	places   map[ref][]place
	texts    table[string] // one copy of each name
	sets     table[*names] // and of each set of services
	odd      map[ref]*unlistedTexts
	seq      uint64 // grows with each change
	last     Cursor // the place of the last change
}

const entriesTogether = 1024

func newIndex() *index {
	return &index{traces: map[TraceID]ref{}, places: map[ref][]place{}, odd: map[ref]*unlistedTexts{},
		texts: table[string]{numbers: map[string]uint32{}}, sets: table[*names]{numbers: map[string]uint32{}}}
}

// table numbers what many traces have in common.
type table[T any] struct {
	numbers map[string]uint32
	all     []T
}

// maxTexts bounds a table; what is unlisted is kept with each trace.
const (
	maxTexts = 10000
	unlisted = math.MaxUint32
)

// unlistedTexts are a trace's texts that had no room in a table.
type unlistedTexts struct {
	name, service string
	services      *names
}

// number is the number of what has a key, and is made of a copy of it the first time; unlisted if there is no room for it.
func (t *table[T]) number(key string, made func(key string) T) uint32 {
	n, ok := t.numbers[key]
	switch {
	case ok:
		return n
	case len(t.all) >= maxTexts:
		return unlisted
	}
	key = strings.Clone(key)
	n = uint32(len(t.all))
	t.numbers[key], t.all = n, append(t.all, made(key))
	return n
}

func itself(s string) string { return s }

// at is an entry; it is valid while Store.mu is held.
func (x *index) at(r ref) *entry { return &x.entries[(r-1)/entriesTogether][(r-1)%entriesTogether] }

// find returns the entry of a trace; nil if there is none.
func (x *index) find(id TraceID) (ref, *entry) {
	r := x.traces[id]
	if r == 0 {
		return 0, nil
	}
	return r, x.at(r)
}

// newestFirst are all entries.
func (x *index) newestFirst() iter.Seq2[ref, *entry] {
	return func(yield func(ref, *entry) bool) {
		for r := x.newest; r != 0; r = x.at(r).older {
			if !yield(r, x.at(r)) {
				return
			}
		}
	}
}

// begin makes the entry of a trace.
func (x *index) begin(p *part) (ref, *entry) {
	r := x.free
	if r != 0 {
		x.free = x.at(r).newer
	} else {
		if x.used%entriesTogether == 0 {
			x.entries = append(x.entries, new([entriesTogether]entry))
		}
		x.used++
		r = x.used
	}
	e := x.at(r)
	*e = entry{id: p.trace, start: p.start, end: p.end, older: x.newest}
	if x.newest != 0 {
		x.at(x.newest).newer = r
	} else {
		x.oldest = r
	}
	x.newest, x.traces[p.trace] = r, r
	return r, e
}

// add merges a chunk into its trace's summary.
func (x *index) add(p *part, at place) {
	r, e := x.find(p.trace)
	first := e == nil
	if first {
		r, e = x.begin(p)
	}
	x.seq++
	x.last = at.cursor()
	e.start, e.end = min(e.start, p.start), max(e.end, p.end)
	e.spans += int32(p.spans)
	e.errors += int32(p.errors)
	if first || p.rank > e.rank || p.rank == e.rank && p.head < e.head {
		e.rank, e.head, e.failed, e.status = p.rank, p.head, p.failed, int16(p.status)
		x.call(r, e, p)
	}
	x.join(r, e, first, p.services)
	if first {
		e.segment, e.row = x.number(at.segment), at.row
		return
	}
	x.places[r], e.several = append(x.chunks(r, e), at), true
}

// call sets the name and the service that a list calls a trace by.
func (x *index) call(r ref, e *entry, p *part) {
	if e.name = x.texts.number(p.name, itself); e.name == unlisted {
		x.oddOf(r).name = strings.Clone(p.name)
	}
	if e.service = x.texts.number(p.service, itself); e.service == unlisted {
		x.oddOf(r).service = strings.Clone(p.service)
	}
}

func (x *index) oddOf(r ref) *unlistedTexts {
	o := x.odd[r]
	if o == nil {
		o = &unlistedTexts{}
		x.odd[r] = o
	}
	return o
}

func (x *index) number(s *segment) uint32 {
	if s.number == 0 {
		x.segments = append(x.segments, s)
		s.number = uint32(len(x.segments))
	}
	return s.number
}

// chunks are the rows of a trace. The slice is the index's, and not changed but by appending.
func (x *index) chunks(r ref, e *entry) []place {
	if e.several {
		return x.places[r]
	}
	return []place{{x.segments[e.segment-1], e.row}}
}

// changed is the place of a trace's last change.
func (x *index) changed(r ref, e *entry) Cursor {
	if e.several {
		return x.places[r][len(x.places[r])-1].cursor()
	}
	return place{x.segments[e.segment-1], e.row}.cursor()
}

// forget removes a segment's rows, and traces that have no others. Their summaries stay as they are while they have.
func (x *index) forget(s *segment) {
	if s.number == 0 {
		return
	}
	for r := x.oldest; r != 0; {
		e := x.at(r)
		next := e.newer
		switch {
		case e.several:
			left := slices.DeleteFunc(slices.Clone(x.places[r]), func(p place) bool { return p.segment == s })
			if x.places[r] = left; len(left) == 0 {
				x.unlink(r, e)
			}
		case e.segment == s.number:
			x.unlink(r, e)
		}
		r = next
	}
	x.segments[s.number-1], s.number = nil, 0
}

func (x *index) unlink(r ref, e *entry) {
	delete(x.traces, e.id)
	delete(x.places, r)
	delete(x.odd, r)
	if e.older != 0 {
		x.at(e.older).newer = e.newer
	} else {
		x.oldest = e.newer
	}
	if e.newer != 0 {
		x.at(e.newer).older = e.older
	} else {
		x.newest = e.older
	}
	*e = entry{newer: x.free}
	x.free = r
}

// names is a set of services. It is not changed: many traces share one.
type names struct {
	list   []string // sorted
	joined string   // with newlines between them
}

// services is the set of a trace.
func (x *index) services(r ref, e *entry) *names {
	if e.services == unlisted {
		return x.odd[r].services
	}
	return x.sets.all[e.services]
}

// join adds services, a list with newlines between its elements, to a trace's set.
func (x *index) join(r ref, e *entry, first bool, joined string) {
	if !first {
		have := x.services(r, e)
		if have.joined == joined {
			return
		}
		list := append(strings.Split(joined, "\n"), have.list...)
		slices.Sort(list)
		joined = strings.Join(slices.Compact(list), "\n")
	}
	made := func(joined string) *names { return &names{strings.Split(joined, "\n"), joined} }
	if e.services = x.sets.number(joined, made); e.services == unlisted {
		x.oddOf(r).services = made(strings.Clone(joined))
	}
}

func (x *index) summary(r ref, e *entry) Summary {
	sum := Summary{
		ID: e.id, Start: e.start, End: e.end, Spans: int(e.spans), Errors: int(e.errors), Services: x.services(r, e).list,
		Status: int(e.status), Rooted: e.rank == rankRoot, Failed: e.failed, At: x.changed(r, e),
	}
	if e.several {
		sum.Run = x.places[r][0].segment.run
	} else {
		sum.Run = x.segments[e.segment-1].run
	}
	odd := x.odd[r] // nil for almost all
	if e.name == unlisted {
		sum.Name = odd.name
	} else {
		sum.Name = x.texts.all[e.name]
	}
	if e.service == unlisted {
		sum.Service = odd.service
	} else {
		sum.Service = x.texts.all[e.service]
	}
	return sum
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
