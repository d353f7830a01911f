package api

import (
	"cmp"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// Bounds of a chart.
const (
	defaultSteps, maxSteps = 120, 600
	maxCurves              = 40
	maxStreams             = 5000    // series that are told apart while a chart is made
	maxEnds                = 1 << 19 // ends of buckets, in all steps and curves: points choose their own
	maxRows                = 60      // of a heat map
	maxExemplars           = 200
	maxDimensions          = 50                                 // values of a label that are listed
	carry                  = ingest.Refresh + 6*ingest.Interval // how long a value holds without being said again
)

// chart is a metric over time: counters as rates, histograms as rates, heat maps and percentiles, the rest as values.
type chart struct {
	name     string
	from, to int64
	step     int64
	steps    int
	by       []string // labels to group by; nil: by all
	match    func(name, service string, labels []label) bool

	others     map[string]*chart // of records of another kind; nil: these are not looked at
	newest     string            // the kind of the record that came last
	about      *metricspb.Metric
	kind       string
	streams    map[string]*flow
	curves     map[string]*curve
	heat       []map[float64]float64 // for each step, measurements by the upper ends of buckets
	exemplars  []exemplar
	dimensions map[string]map[string]int
	ends       int  // how many ends of buckets there are in heat and curves
	cut        bool // there are more series, or ends of buckets, than are told apart
}

// flow is what one source says of one set of labels.
type flow struct {
	curve   *curve
	last    measured
	seen    bool
	values  []float64 // of the steps, for what is no rate; NaN: none
	carried float64   // the value before the first step, and when it was said
	since   int64
}

// curve is a line of the chart: one or several streams.
type curve struct {
	service string
	labels  []label
	values  []float64 // NaN: none
	streams []*flow
	total   float64             // of counters and histograms, over the whole time
	buckets map[float64]float64 // of histograms, over the whole time
}

type exemplar struct {
	time        int64
	value       float64
	trace, span string
}

func newChart(name string, from, to int64, steps int) *chart {
	c := &chart{name: name, from: from, to: to, steps: steps, step: max((to-from)/int64(steps), 1),
		others: map[string]*chart{}, streams: map[string]*flow{}, curves: map[string]*curve{}, dimensions: map[string]map[string]int{}}
	c.heat = make([]map[float64]float64, steps)
	return c
}

// newKindChart makes a chart of the records of one kind.
func newKindChart(name, kind string, from, to int64, steps int) *chart {
	c := newChart(name, from, to, steps)
	c.kind, c.others = kind, nil
	c.match = func(string, string, []label) bool { return true }
	return c
}

// add adds what one collection said.
func (c *chart) add(r *store.PointRecord) {
	if m := readMetric(r.Encoded); m != nil {
		c.addMetric(r, m)
	}
}

// shown is the chart to show: programs, or two versions of one, may give one name to metrics of several kinds, of which it is the last one's.
func (c *chart) shown() *chart {
	if other := c.others[c.newest]; other != nil {
		other.cut = true
		return other
	}
	c.cut = c.cut || len(c.others) > 0
	return c
}

func (c *chart) addMetric(r *store.PointRecord, m *metric) {
	if c.kind != "" && c.kind != m.kind {
		if c.others == nil {
			return
		}
		other := c.others[m.kind]
		if other == nil {
			other = newChart(c.name, c.from, c.to, c.steps)
			other.by, other.match = c.by, c.match
			c.others[m.kind] = other
		}
		c.newest = m.kind
		other.addMetric(r, m)
		return
	}
	c.newest = m.kind
	c.about, c.kind = m.Metric, m.kind
	source := string(r.Source.Resource) + "\x00" + string(r.Source.Scope) + "\x00"
	for _, p := range m.points() {
		if p.time > c.to || !c.match(c.name, r.Source.Service, p.labels) {
			continue
		}
		s := c.flow(source, r.Source.Service, p.labels)
		if s == nil {
			c.cut = true
			continue
		}
		c.take(s, &p, m)
		for _, e := range p.exemplars {
			c.exemplar(e)
		}
	}
}

func (c *chart) flow(source, service string, labels []label) *flow {
	key := source + joined(labels)
	if s := c.streams[key]; s != nil {
		return s
	}
	if len(c.streams) >= maxStreams {
		return nil
	}
	for _, l := range append([]label{{"service", service}}, labels...) {
		values := c.dimensions[l.key]
		if values == nil {
			values = map[string]int{}
			c.dimensions[l.key] = values
		}
		values[l.value]++
	}
	shown, group := labels, service
	if c.by != nil {
		shown = slices.DeleteFunc(slices.Clone(labels), func(l label) bool { return !slices.Contains(c.by, l.key) })
		if !slices.Contains(c.by, "service") {
			group = ""
		}
	}
	at := group + "\x00" + joined(shown)
	one := c.curves[at]
	if one == nil {
		one = &curve{service: group, labels: shown, values: nothing(c.steps), buckets: map[float64]float64{}}
		c.curves[at] = one
	}
	s := &flow{curve: one, carried: math.NaN()}
	if c.kind == kindGauge || c.kind == kindUpDown {
		s.values = nothing(c.steps)
	}
	one.streams = append(one.streams, s)
	c.streams[key] = s
	return s
}

func joined(labels []label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(strconv.Quote(l.key) + strconv.Quote(l.value))
	}
	return b.String()
}

func nothing(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// take adds a point to its stream.
func (c *chart) take(s *flow, p *measured, m *metric) {
	defer func() { s.last, s.seen = *p, true }()
	if c.kind == kindGauge || c.kind == kindUpDown {
		switch i := (p.time - c.from) / c.step; {
		case p.time < c.from:
			s.carried, s.since = p.value, p.time
		case i < int64(c.steps):
			s.values[i] = p.value
		}
		return
	}
	added, since := *p, p.start
	if !m.delta {
		switch {
		case s.seen && p.start == s.last.start && p.value >= s.last.value && p.count >= s.last.count:
			added, since = minus(p, &s.last), s.last.time
		case !s.seen && (p.start == 0 || p.start < c.from): // what was added before is of another time
			return
		}
	}
	if since == 0 { // it does not say: since the one before, or at once
		since = p.time - 1
		if s.seen {
			since = s.last.time
		}
	}
	c.spread(s.curve, &added, since, p.time)
}

// minus is what p has more than an earlier point of its stream.
func minus(p, before *measured) measured {
	out := *p
	out.value -= before.value
	out.count -= before.count
	out.buckets = nil
	had := map[float64]float64{}
	for _, b := range before.buckets {
		had[b.upTo] += b.count
	}
	for _, b := range p.buckets {
		out.buckets = append(out.buckets, bucket{b.upTo, max(b.count-had[b.upTo], 0)})
	}
	return out
}

// spread adds what was added between two moments to the steps between them.
func (c *chart) spread(to *curve, added *measured, since, until int64) {
	amount := added.value
	if c.kind == kindHistogram {
		amount = float64(added.count)
	}
	since = min(since, until-1)
	for i := max((since-c.from)/c.step, 0); i < int64(c.steps) && c.from+i*c.step < until; i++ {
		from, end := c.from+i*c.step, c.from+(i+1)*c.step
		share := float64(min(end, until)-max(from, since)) / float64(until-since)
		if share <= 0 {
			continue
		}
		if math.IsNaN(to.values[i]) {
			to.values[i] = 0
		}
		to.values[i] += amount * share / (float64(c.step) / float64(time.Second))
		to.total += amount * share
		for k, b := range added.buckets {
			if b.count == 0 {
				continue
			}
			if c.heat[i] == nil {
				c.heat[i] = map[float64]float64{}
			}
			if k > 0 { // the end of the bucket below is where this one begins
				c.measure(c.heat[i], added.buckets[k-1].upTo, 0)
				c.measure(to.buckets, added.buckets[k-1].upTo, 0)
			}
			c.measure(c.heat[i], b.upTo, b.count*share)
			c.measure(to.buckets, b.upTo, b.count*share)
		}
	}
}

// measure adds n to the bucket that ends at upTo.
func (c *chart) measure(buckets map[float64]float64, upTo, n float64) {
	if _, ok := buckets[upTo]; !ok {
		if c.ends == maxEnds {
			c.cut = true
			return
		}
		c.ends++
	}
	buckets[upTo] += n
}

func (c *chart) exemplar(e *metricspb.Exemplar) {
	at := moment(e.GetTimeUnixNano())
	if at < c.from || at > c.to || len(e.GetTraceId()) != 16 || len(e.GetSpanId()) != 8 {
		return
	}
	v := e.GetAsDouble()
	if _, whole := e.GetValue().(*metricspb.Exemplar_AsInt); whole {
		v = float64(e.GetAsInt())
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if len(c.exemplars) >= 8*maxExemplars {
		c.exemplars = c.bestExemplars()
	}
	c.exemplars = append(c.exemplars, exemplar{at, v, hex.EncodeToString(e.GetTraceId()), hex.EncodeToString(e.GetSpanId())})
}

// finish has curves that are no rates: sums of their streams' values, or, of gauges, means.
func (c *chart) finish() {
	for _, one := range c.curves {
		for _, s := range one.streams {
			if s.values == nil {
				continue
			}
			value, said := s.carried, s.since
			for i := range s.values {
				end := c.from + int64(i+1)*c.step
				if !math.IsNaN(s.values[i]) {
					value, said = s.values[i], end
				} else if end-said <= max(int64(carry), c.step) {
					s.values[i] = value
				}
			}
		}
		for i := range one.values {
			sum, n := 0.0, 0
			for _, s := range one.streams {
				if s.values != nil && !math.IsNaN(s.values[i]) {
					sum, n = sum+s.values[i], n+1
				}
			}
			if n > 0 && c.kind == kindGauge {
				sum /= float64(n)
			}
			if n > 0 {
				one.values[i] = sum
				one.total = max(one.total, math.Abs(sum)) // for the order of curves
			}
		}
	}
}

// quantile is an estimate of the value that a share of measurements does not exceed; NaN: there are none.
func quantile(buckets map[float64]float64, q float64) float64 {
	ends := slices.Sorted(maps.Keys(buckets))
	total := 0.0
	for _, n := range buckets {
		total += n
	}
	if total == 0 {
		return math.NaN()
	}
	rank, below := q*total, 0.0
	for i, end := range ends {
		n := buckets[end]
		if below+n < rank {
			below += n
			continue
		}
		from := 0.0
		if i > 0 {
			from = ends[i-1]
		}
		if math.IsInf(end, 1) {
			return from
		}
		return from + (end-min(from, end))*(rank-below)/max(n, 1e-12)
	}
	return ends[len(ends)-1]
}

// rows are the upper ends of a heat map's rows; row says in which one a bucket is.
func (c *chart) rows() (ends []float64, row map[float64]int) {
	all := map[float64]bool{}
	for _, step := range c.heat {
		for end := range step {
			all[end] = true
		}
	}
	each := slices.Sorted(maps.Keys(all))
	several := max(1, (len(each)+maxRows-1)/maxRows)
	row = map[float64]int{}
	for i, end := range each {
		if i%several == 0 {
			ends = append(ends, end)
		}
		ends[len(ends)-1] = end
		row[end] = len(ends) - 1
	}
	return ends, row
}

// append writes the chart as JSON.
func (c *chart) append(b []byte) []byte {
	c.finish()
	o := object(nil)
	o.str("name", c.name)
	o.str("unit", c.about.GetUnit())
	o.str("description", c.about.GetDescription())
	o.str("kind", c.kind)
	o.time("from", c.from)
	o.time("step", c.step)
	o.int("steps", int64(c.steps))
	curves := slices.SortedFunc(maps.Values(c.curves), func(a, b *curve) int {
		return cmp.Or(cmp.Compare(b.total, a.total), cmp.Compare(a.service, b.service), cmp.Compare(joined(a.labels), joined(b.labels)))
	})
	if more := len(curves) - maxCurves; more > 0 {
		o.int("omitted", int64(more))
		curves = curves[:maxCurves]
	}
	if c.cut {
		o.bool("partial", true)
	}
	o.raw("series", list(curves, c.appendCurve))
	o.raw("labels", c.appendDimensions(nil))
	if c.kind == kindHistogram {
		ends, row := c.rows()
		o.raw("bounds", list(ends, appendNumber))
		o.raw("heat", c.appendHeat(nil, row))
		for _, q := range []struct {
			key string
			of  float64
		}{{"p50", .5}, {"p90", .9}, {"p99", .99}} {
			o.raw(q.key, list(c.heat, func(b []byte, step map[float64]float64) []byte { return appendNumber(b, quantile(step, q.of)) }))
		}
	}
	o.raw("exemplars", list(c.bestExemplars(), appendExemplar))
	return append(b, o.end()...)
}

// bestExemplars are those of the largest values, once each.
func (c *chart) bestExemplars() []exemplar {
	slices.SortFunc(c.exemplars, func(a, b exemplar) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.time, b.time), cmp.Compare(a.span, b.span))
	})
	once := slices.Compact(c.exemplars)
	return once[:min(len(once), maxExemplars)]
}

func appendExemplar(b []byte, e exemplar) []byte {
	o := object(nil)
	o.time("time", e.time)
	o.raw("value", appendNumber(nil, e.value))
	o.str("traceId", e.trace)
	o.str("spanId", e.span)
	return append(b, o.end()...)
}

func (c *chart) appendCurve(b []byte, one *curve) []byte {
	o := object(nil)
	if one.service != "" {
		o.str("service", one.service)
	}
	o.raw("attributes", appendLabels(nil, one.labels))
	o.raw("values", list(one.values, appendNumber))
	if c.kind == kindCounter || c.kind == kindHistogram {
		o.raw("total", appendNumber(nil, one.total))
	}
	if c.kind == kindHistogram {
		o.raw("p50", appendNumber(nil, quantile(one.buckets, .5)))
		o.raw("p90", appendNumber(nil, quantile(one.buckets, .9)))
		o.raw("p99", appendNumber(nil, quantile(one.buckets, .99)))
	}
	return append(b, o.end()...)
}

func (c *chart) appendDimensions(b []byte) []byte {
	type dimension struct {
		key    string
		values map[string]int
	}
	var all []dimension
	for _, key := range slices.Sorted(maps.Keys(c.dimensions)) {
		all = append(all, dimension{key, c.dimensions[key]})
	}
	return append(b, list(all, func(b []byte, d dimension) []byte {
		o := object(nil)
		o.str("key", d.key)
		values := slices.Sorted(maps.Keys(d.values))
		o.int("count", int64(len(values)))
		o.raw("values", list(values[:min(len(values), maxDimensions)], otlpjson.AppendString))
		return append(b, o.end()...)
	})...)
}

// appendHeat writes the cells that are not empty: step, row, measurements.
func (c *chart) appendHeat(b []byte, row map[float64]int) []byte {
	type cell struct {
		step, row int
		count     float64
	}
	var all []cell
	for i, step := range c.heat {
		rows := map[int]float64{}
		for end, n := range step {
			rows[row[end]] += n
		}
		for _, r := range slices.Sorted(maps.Keys(rows)) {
			if rows[r] > 0 {
				all = append(all, cell{i, r, rows[r]})
			}
		}
	}
	return append(b, list(all, func(b []byte, x cell) []byte {
		b = strconv.AppendInt(append(b, '['), int64(x.step), 10)
		b = strconv.AppendInt(append(b, ','), int64(x.row), 10)
		return append(appendNumber(append(b, ','), x.count), ']')
	})...)
}

// appendLabels writes an object of the labels.
func appendLabels(b []byte, all []label) []byte {
	b = append(b, '{')
	for i, l := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(otlpjson.AppendString(b, l.key), ':')
		b = otlpjson.AppendString(b, l.value)
	}
	return append(b, '}')
}

// appendNumber writes a number with six digits; null for none, and for one that JSON does not have.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', 6, 64)
}
