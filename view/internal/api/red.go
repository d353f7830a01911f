package api

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// group is rate, errors and durations of requests of one kind.
type group struct {
	store.Group
	count, errors int
	p50, p95, p99 int64 // nanoseconds
}

// groupsOf are the groups of a list, the largest first.
func groupsOf(l *store.TraceList) (out []group) {
	for g, red := range l.Groups {
		out = append(out, group{g, red.Count, red.Errors, red.Quantile(0.5), red.Quantile(0.95), red.Quantile(0.99)})
	}
	sortGroups(out)
	return out
}

func sortGroups(all []group) {
	slices.SortFunc(all, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name))
	})
}

// timeOnly returns the time that a query is about if it says nothing else. A query that says nothing is about all time, which is too much to
// read at each change of a page.
func timeOnly(q string, now time.Time) (from, to int64, ok bool) {
	terms, err := split(q)
	if err != nil {
		return 0, 0, false
	}
	to = now.UnixNano()
	for _, t := range terms {
		if t.not {
			return 0, 0, false
		}
		switch t.key {
		case "since":
			d, err := time.ParseDuration(t.value)
			if err != nil {
				return 0, 0, false
			}
			from = max(from, now.Add(-d).UnixNano())
		case "after", "before":
			n, err := strconv.ParseInt(t.value, 10, 64)
			if err != nil {
				return 0, 0, false
			}
			if t.key == "after" {
				from = max(from, n)
			} else {
				to = min(to, n)
			}
		default:
			return 0, 0, false
		}
	}
	return from, to, 0 < from && from < to
}

// serverDuration is the metric that has each request, also those whose traces are not recorded.
const serverDuration = "http.server.request.duration"

// allRequests has the groups of requests in a time say what their metric says, if that has more of them than there are traces:
// traces may be a sample. What was measured is collected a moment later, so that it may also be less.
func (s *server) allRequests(r *http.Request, groups []group, from, to int64) ([]group, error) {
	c := newKindChart(serverDuration, kindHistogram, from, to, 1)
	if _, err := s.Store.Points(r.Context(), store.PointQuery{Name: serverDuration, From: max(from-int64(carry), 0), To: to}, func(p store.PointRecord) bool {
		c.add(&p)
		return true
	}); err != nil {
		return nil, err
	}
	type sum struct {
		count, errors float64
		buckets       map[float64]float64
	}
	all := map[store.Group]*sum{}
	for _, one := range c.curves {
		method, route, failed := "", "", false
		for _, l := range one.labels {
			switch l.key {
			case "http.request.method":
				if method = l.value; method == "_OTHER" {
					method = "HTTP"
				}
			case "http.route":
				route = " " + l.value
			case "error.type":
				failed = true
			}
		}
		g := store.Group{Service: one.service, Name: method + route}
		if all[g] == nil {
			all[g] = &sum{buckets: map[float64]float64{}}
		}
		all[g].count += one.total
		if failed {
			all[g].errors += one.total
		}
		for end, n := range one.buckets {
			all[g].buckets[end] += n
		}
	}
	at := map[store.Group]int{}
	for i := range groups {
		at[groups[i].Group] = i
	}
	for g, m := range all {
		i, there := at[g]
		if m.count < 1 || there && int(m.count) <= groups[i].count {
			continue
		}
		one := group{g, int(m.count), int(m.errors), nanoseconds(m.buckets, 0.5), nanoseconds(m.buckets, 0.95), nanoseconds(m.buckets, 0.99)}
		if there {
			groups[i] = one
		} else {
			groups = append(groups, one)
		}
	}
	sortGroups(groups)
	return groups, nil
}

// nanoseconds is a quantile of a histogram of seconds; 0: unknown.
func nanoseconds(buckets map[float64]float64, q float64) int64 {
	v := quantile(buckets, q)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return int64(v * float64(time.Second))
}
