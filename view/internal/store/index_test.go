package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEntriesHaveNoPointers: the garbage collector looks at no entry.
func TestEntriesHaveNoPointers(t *testing.T) {
	for f := range reflect.TypeFor[entry]().Fields() {
		kind := f.Type.Kind()
		if kind == reflect.Array {
			kind = f.Type.Elem().Kind()
		}
		if kind != reflect.Bool && (kind < reflect.Int || kind > reflect.Uint64) {
			t.Errorf("%s is a %s", f.Name, f.Type)
		}
	}
}

// wantTrace is what a trace's summary is to say.
type wantTrace struct {
	spans, errors int
	name, service string
	rank          uint8
	services      []string
	chunks        []place
}

// TestIndex compares the index with one that is a map, while segments come and are forgotten, also with more names than the tables have room for.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x, want, segments := newIndex(), map[TraceID]*wantTrace{}, []*segment{}
	var order []TraceID // the oldest first
	for step := range 30000 {
		if step%1000 == 0 {
			segments = append(segments, &segment{run: int64(step)})
		}
		if step%3000 == 2999 {
			old := segments[0]
			segments = segments[1:]
			x.forget(old)
			order = slices.DeleteFunc(order, func(id TraceID) bool {
				w := want[id]
				w.chunks = slices.DeleteFunc(w.chunks, func(p place) bool { return p.segment == old })
				if len(w.chunks) == 0 {
					delete(want, id)
				}
				return len(w.chunks) == 0
			})
		}
		var id TraceID
		binary.BigEndian.PutUint64(id[:], uint64(step-r.IntN(2)*r.IntN(1500)+1))
		p := part{trace: id, start: int64(step), end: int64(step + 5), spans: 1 + r.IntN(3), errors: r.IntN(2), rank: uint8(r.IntN(3)), head: int64(step),
			name: fmt.Sprintf("GET /%d", r.IntN(2*maxTexts)), service: fmt.Sprint("s", r.IntN(5)), services: fmt.Sprint("s", r.IntN(3), "\nt", r.IntN(2*maxTexts))}
		at := place{segments[r.IntN(len(segments))], int64(step)}
		x.add(&p, at)
		w := want[id]
		if w == nil {
			w = &wantTrace{}
			want[id] = w
			order = append(order, id)
		}
		if w.chunks == nil || p.rank > w.rank { // heads come in order
			w.rank, w.name, w.service = p.rank, p.name, p.service
		}
		w.spans, w.errors, w.chunks = w.spans+p.spans, w.errors+p.errors, append(w.chunks, at)
		w.services = append(w.services, strings.Split(p.services, "\n")...)
		slices.Sort(w.services)
		w.services = slices.Compact(w.services)
	}
	var found []TraceID
	for r, e := range x.newestFirst() {
		sum := x.summary(r, e)
		found = append(found, sum.ID)
		w := want[sum.ID]
		if w == nil {
			t.Fatalf("%v is there", sum.ID)
		}
		got := wantTrace{sum.Spans, sum.Errors, sum.Name, sum.Service, e.rank, sum.Services, x.chunks(r, e)}
		if !reflect.DeepEqual(got, *w) || sum.Run != w.chunks[0].segment.run {
			t.Fatalf("%v: %+v, want %+v", sum.ID, got, *w)
		}
	}
	slices.Reverse(found)
	if !slices.Equal(found, order) || len(x.traces) != len(want) {
		t.Errorf("%d traces, %d in the map, want %d", len(found), len(x.traces), len(want))
	}
	if len(x.odd) == 0 || len(x.places) == 0 || x.free == 0 {
		t.Errorf("%d traces with unlisted texts, %d with several chunks, free %d: the test does not reach all", len(x.odd), len(x.places), x.free)
	}
}
