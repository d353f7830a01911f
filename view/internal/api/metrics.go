package api

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// metricQuery chooses data points.
type metricQuery struct {
	match func(name, service string, labels []label) bool
	since time.Duration // 0: it does not say
}

// parseMetrics reads a query for data points of metrics:
//
//	word               in the metric's name
//	name:http.server   in the name
//	service:shop       of that service
//	since:1h           collected in the last hour
//	@http.route:/cart  with an attribute of that value; * for any value
//
// A minus before it excludes.
func parseMetrics(q string) (out metricQuery, err error) {
	terms, err := split(q)
	if err != nil {
		return out, err
	}
	type matcher = func(name, service string, labels []label) bool
	var all []matcher
	for _, t := range terms {
		value := strings.ToLower(t.value)
		var match matcher
		switch key, attribute := strings.CutPrefix(t.key, "@"); {
		case attribute:
			match = func(_, _ string, labels []label) bool {
				return slices.ContainsFunc(labels, func(l label) bool { return l.key == key && (t.value == "*" || l.value == t.value) })
			}
		case key == "" || key == "name":
			match = func(name, _ string, _ []label) bool { return has(name, value) }
		case key == "service" || key == "component":
			match = func(_, service string, _ []label) bool { return strings.EqualFold(service, value) }
		case key == "since" && !t.not:
			if out.since, err = time.ParseDuration(value); err != nil || out.since <= 0 {
				return out, fmt.Errorf("%s: want a duration such as 30s, 5m or 1h", t.raw)
			}
			continue
		default:
			return out, unknown(t, "name", "service", "since")
		}
		if t.not {
			yes := match
			match = func(name, service string, labels []label) bool { return !yes(name, service, labels) }
		}
		all = append(all, match)
	}
	out.match = func(name, service string, labels []label) bool {
		return !slices.ContainsFunc(all, func(f matcher) bool { return !f(name, service, labels) })
	}
	return out, nil
}

// window is the time that a request is about: ?from= and ?to= in nanoseconds since 1970, or else what its query says, or def, until now.
func window(r *http.Request, q metricQuery, def time.Duration) (from, to int64, err error) {
	now := time.Now().UnixNano()
	first, err := numberOf(r, "from", 0, math.MaxInt)
	if err != nil {
		return 0, 0, err
	}
	last, err := numberOf(r, "to", int(now), math.MaxInt)
	if err != nil {
		return 0, 0, err
	}
	from, to = int64(first), int64(last)
	if from == 0 {
		if q.since > 0 {
			def = q.since
		}
		from = max(to-int64(def), 0)
	}
	if from >= to {
		return 0, 0, fmt.Errorf("from: want a time before that of to")
	}
	return from, to, nil
}

// Bounds of lists of metrics.
const (
	defaultPoints, maxPoints = 1000, 20000
	maxInstruments           = 2000
	instrumentsTime          = 24 * time.Hour
	chartTime                = 15 * time.Minute
)

// instrument is a metric of a meter.
type instrument struct {
	meter, name, unit, description, kind string
	services                             map[string]bool
	last                                 int64
}

// instruments answers with what is measured, by meter.
func (s *server) instruments(w http.ResponseWriter, r *http.Request) {
	q, err := parseMetrics(r.URL.Query().Get("q"))
	var from, to int64
	if err == nil {
		from, to, err = window(r, q, instrumentsTime)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	all := map[[2]string]*instrument{}
	if _, err := s.Store.Points(r.Context(), store.PointQuery{From: from, To: to, Kinds: true}, func(p store.PointRecord) bool {
		m := readMetric(p.Encoded)
		if m == nil || !q.match(p.Name, p.Source.Service, nil) {
			return true
		}
		key := [2]string{scopeName(p.Source), p.Name}
		one := all[key]
		if one == nil {
			if len(all) >= maxInstruments {
				return true
			}
			one = &instrument{meter: key[0], name: p.Name, services: map[string]bool{}}
			all[key] = one
		}
		one.unit, one.description, one.kind = m.GetUnit(), m.GetDescription(), m.kind
		one.services[p.Source.Service] = true
		one.last = max(one.last, p.Time)
		return true
	}); err != nil {
		failed(w, err)
		return
	}
	sorted := slices.SortedFunc(maps.Values(all), func(a, b *instrument) int {
		return strings.Compare(a.meter+"\x00"+a.name, b.meter+"\x00"+b.name)
	})
	o := object(nil)
	o.raw("instruments", list(sorted, func(b []byte, i *instrument) []byte {
		o := object(nil)
		o.str("meter", i.meter)
		o.str("name", i.name)
		o.str("unit", i.unit)
		o.str("description", i.description)
		o.str("kind", i.kind)
		o.raw("services", list(slices.Sorted(maps.Keys(i.services)), otlpjson.AppendString))
		o.time("last", i.last)
		return append(b, o.end()...)
	}))
	send(w, r, o.end())
}

// scopeName is the name of the scope that a source's data is from.
func scopeName(s *store.Source) string { return ingest.ScopeName(s.Scope) }

// chart answers with one metric over time.
func (s *server) chart(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	q, err := parseMetrics(params.Get("q"))
	var from, to int64
	var steps int
	if err == nil {
		from, to, err = window(r, q, chartTime)
	}
	if err == nil {
		steps, err = numberOf(r, "steps", defaultSteps, maxSteps)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	name := r.PathValue("name")
	c := newChart(name, from, to, max(steps, 1))
	c.match = q.match
	if params.Has("by") {
		c.by = strings.FieldsFunc(params.Get("by"), func(r rune) bool { return r == ',' })
		if c.by == nil {
			c.by = []string{}
		}
	}
	// What was said before the window is where the first rates in it begin.
	partial, err := s.Store.Points(r.Context(), store.PointQuery{Name: name, From: max(from-int64(carry), 0), To: to}, func(p store.PointRecord) bool {
		c.add(&p)
		return true
	})
	c = c.shown()
	switch {
	case err != nil:
		failed(w, err)
	case c.about == nil:
		fail(w, http.StatusNotFound, "nothing was measured by the name "+name+" in that time")
	default:
		c.cut = c.cut || partial
		send(w, r, c.append(nil))
	}
}

// latest is a data point, the last of its series in lists. It keeps nothing of the record that it is from but what is shown.
type latest struct {
	at                        pointPlace
	service, name, unit, kind string
	measured
}

// size is about how many bytes it has.
func (l *latest) size() int {
	n := 256 + len(l.service) + len(l.name) + len(l.unit) + 16*len(l.buckets)
	for _, x := range l.labels {
		n += 32 + len(x.key) + len(x.value)
	}
	return n
}

// maxLatest bounds the bytes of data points that are kept for a list: their attributes and buckets are as many as a program likes.
const maxLatest = 64 << 20

// metrics answers with the last data point of each series, or follows them.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	q, err := parseMetrics(r.URL.Query().Get("q"))
	var from, to int64
	var limit int
	if err == nil {
		from, to, err = window(r, q, carry)
	}
	if err == nil {
		limit, err = numberOf(r, "limit", defaultPoints, maxPoints)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if follows(r) {
		s.followMetrics(w, r, q, from)
		return
	}
	all, kept, cut := map[string]latest{}, 0, false
	partial, err := s.Store.Points(r.Context(), store.PointQuery{From: from, To: to}, func(p store.PointRecord) bool {
		for _, one := range matching(p, &q) {
			key := one.service + "\x00" + one.name + "\x00" + joined(one.labels)
			before, there := all[key]
			grown := one.size()
			if there {
				grown -= before.size()
			} else {
				grown += len(key)
			}
			if !there && len(all) >= maxPoints || kept+grown > maxLatest {
				cut = true
				continue
			}
			all[key] = one
			kept += grown
		}
		return true
	})
	if err != nil {
		failed(w, err)
		return
	}
	keys := slices.Sorted(maps.Keys(all))
	o := object(nil)
	if partial || cut || len(keys) > limit {
		o.bool("partial", true)
	}
	o.raw("metrics", list(keys[:min(len(keys), limit)], func(b []byte, key string) []byte { return appendLatest(b, all[key]) }))
	send(w, r, o.end())
}

// matching are the matching data points of a record.
func matching(p store.PointRecord, q *metricQuery) (out []latest) {
	m := readMetric(p.Encoded)
	if m == nil {
		return nil
	}
	for i, one := range m.points() {
		if q.match(p.Name, p.Source.Service, one.labels) {
			one.exemplars = nil
			out = append(out, latest{pointPlace{p.At, i}, p.Source.Service, p.Name, m.GetUnit(), m.kind, one})
		}
	}
	return out
}

// appendLatest writes a data point as a list has it.
func appendLatest(b []byte, l latest) []byte {
	o := object(nil)
	o.time("time", l.measured.time)
	o.str("service", l.service)
	o.str("name", l.name)
	o.str("unit", l.unit)
	o.str("kind", l.kind)
	o.raw("attributes", appendLabels(nil, l.labels))
	if l.kind == kindHistogram {
		buckets := map[float64]float64{}
		for _, x := range l.buckets {
			buckets[x.upTo] += x.count
		}
		o.int("count", int64(min(l.count, math.MaxInt64)))
		o.raw("sum", appendNumber(nil, l.value))
		o.raw("p50", appendNumber(nil, quantile(buckets, .5)))
		o.raw("p90", appendNumber(nil, quantile(buckets, .9)))
		o.raw("p99", appendNumber(nil, quantile(buckets, .99)))
	} else {
		o.raw("value", appendNumber(nil, l.value))
	}
	o.str("at", l.at.String())
	return append(b, o.end()...)
}
