package api

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// trafficTime is how much of the past the map's rates are about.
const trafficTime = 5 * time.Minute

// maxCallTraces bounds the traces from which calls between services are read.
const maxCallTraces = 300

// traffic is what went from one place to another: how often, how much of it failed, how long it took.
type traffic struct {
	Kind      string   `json:"kind"`           // event: requests to a component; guest, host: calls of interfaces; client: outgoing requests; service: calls between services
	From      string   `json:"from,omitempty"` // a component's path, or a service
	To        string   `json:"to,omitempty"`   // a component's path, a service, or the address of a server
	Interface string   `json:"interface,omitempty"`
	Count     float64  `json:"count"`
	Errors    float64  `json:"errors"`
	Rate      float64  `json:"rate"` // a second
	P50       *float64 `json:"p50"`  // seconds; null: unknown
	P99       *float64 `json:"p99"`

	buckets map[float64]float64
}

// components answers with the workloads that run, and with what goes between their components and others.
func (s *server) components(w http.ResponseWriter, r *http.Request) {
	out := struct {
		Workloads any        `json:"workloads"`
		Traffic   []*traffic `json:"traffic"`
		Seconds   int        `json:"seconds"` // what the traffic is about
	}{[]struct{}{}, []*traffic{}, int(trafficTime / time.Second)}
	if s.Workloads != nil {
		out.Workloads = s.Workloads()
	}
	all, err := s.trafficCache.get(func() ([]*traffic, error) { return s.allTraffic(r) })
	if err != nil {
		failed(w, err)
		return
	}
	out.Traffic = append(out.Traffic, all...)
	b, err := json.Marshal(out)
	if err != nil {
		failed(w, err)
		return
	}
	send(w, r, b)
}

// allTraffic is what went between components, services and others.
func (s *server) allTraffic(r *http.Request) (out []*traffic, err error) {
	for _, m := range []struct{ kind, metric string }{
		{"event", "http.server.request.duration"}, {"host", "vitrine.host_call.duration"}, {"guest", "vitrine.guest_call.duration"}, {"client", "http.client.request.duration"},
	} {
		all, err := s.measuredTraffic(r, m.kind, m.metric)
		if err != nil {
			return nil, err
		}
		out = append(out, all...)
	}
	between, err := s.serviceTraffic(r)
	return append(out, between...), err
}

// trafficCache has what was made last, for some time: pages ask at each change of the store, and what they ask for may take long. Safe for
// concurrent use; who asks while it is made waits for it.
type trafficCache struct {
	mu    sync.Mutex
	all   []*traffic
	until time.Time
}

// trafficShare is how many times as long as it took to make it the traffic is kept, and maxTrafficAge the most.
const trafficShare, maxTrafficAge = 10, 5 * time.Second

func (c *trafficCache) get(make func() ([]*traffic, error)) ([]*traffic, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := time.Now()
	if begun.Before(c.until) {
		return c.all, nil
	}
	all, err := make()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	c.all, c.until = all, now.Add(min(trafficShare*now.Sub(begun), maxTrafficAge))
	return all, nil
}

// measuredTraffic is what a histogram says about calls.
func (s *server) measuredTraffic(r *http.Request, kind, metric string) ([]*traffic, error) {
	to := time.Now().UnixNano()
	from := to - int64(trafficTime)
	c := newKindChart(metric, kindHistogram, from, to, 1)
	if _, err := s.Store.Points(r.Context(), store.PointQuery{Name: metric, From: from - int64(carry), To: to}, func(p store.PointRecord) bool {
		c.add(&p)
		return true
	}); err != nil {
		return nil, err
	}
	all := map[string]*traffic{}
	for _, one := range c.curves {
		t := &traffic{Kind: kind, buckets: map[float64]float64{}}
		failed := false
		for _, l := range one.labels {
			switch l.key {
			case "vitrine.component":
				if t.From = l.value; kind == "guest" { // it is the one that is called
					t.From, t.To = "", l.value
				}
			case "vitrine.interface":
				t.Interface = l.value
			case "vitrine.outcome":
				failed = failed || l.value != "ok"
			case "error.type":
				failed = true
			case "server.address":
				t.To = l.value
			}
		}
		switch kind {
		case "event":
			t.From, t.To = "", one.service
		case "client":
			t.From = cmp.Or(t.From, one.service)
		}
		key := t.From + "\x00" + t.To + "\x00" + t.Interface
		if all[key] == nil {
			all[key] = t
		}
		all[key].Count += one.total
		if failed {
			all[key].Errors += one.total
		}
		for end, n := range one.buckets {
			all[key].buckets[end] += n
		}
	}
	return finished(all), nil
}

// finished are the entries with something in them, in a fixed order.
func finished(all map[string]*traffic) (out []*traffic) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		t := all[key]
		if t.Count <= 0 || math.IsInf(t.Count, 0) || math.IsInf(t.Errors, 0) { // JSON has no infinity
			continue
		}
		t.Rate = t.Count / trafficTime.Seconds()
		t.P50, t.P99 = known(quantile(t.buckets, .5)), known(quantile(t.buckets, .99))
		out = append(out, t)
	}
	return out
}

func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// serviceTraffic is what spans say about calls between services, for those of which nothing else is known.
func (s *server) serviceTraffic(r *http.Request) ([]*traffic, error) {
	from := time.Now().Add(-trafficTime).UnixNano()
	list, err := s.Store.Traces(r.Context(), store.TraceQuery{Match: func(sum *store.Summary) bool { return sum.Start >= from && sum.Spans > 1 }, Limit: maxCallTraces})
	if err != nil {
		return nil, err
	}
	all := map[string]*traffic{}
	for _, sum := range list.Traces {
		records, _, err := s.Store.Trace(r.Context(), sum.ID, 1000)
		if err != nil {
			return nil, err
		}
		addCalls(all, records)
	}
	return finished(all), nil
}

// addCalls adds the calls between services in a trace: a span below one of another service, and a span of a client below which there is none.
func addCalls(all map[string]*traffic, records []store.Record) {
	spans := make([]callSpan, 0, len(records))
	byID := map[string]int{}
	for _, r := range records {
		if one, ok := readCallSpan(r); ok {
			byID[one.id] = len(spans)
			spans = append(spans, one)
		}
	}
	below := make([]bool, len(spans))
	for _, one := range spans {
		i, ok := byID[one.parent]
		if !ok {
			continue
		}
		below[i] = true
		if spans[i].service != one.service && (one.server || spans[i].client) { // and not a part of what the other does itself
			addCall(all, spans[i].service, one.service, one)
		}
	}
	for i, one := range spans {
		if one.client && !below[i] && one.peer != "" && !strings.EqualFold(one.peer, one.service) {
			addCall(all, one.service, one.peer, one)
		}
	}
}

func addCall(all map[string]*traffic, from, to string, one callSpan) {
	key := from + "\x00" + to
	t := all[key]
	if t == nil {
		t = &traffic{Kind: "service", From: from, To: to, buckets: map[float64]float64{}}
		all[key] = t
	}
	t.Count++
	if one.failed {
		t.Errors++
	}
	// Buckets of a histogram with an eighth of a doubling each. The end of the one below is there, too: it is where this one begins.
	i := math.Ceil(8 * math.Log2(max(one.seconds, 1e-9)))
	t.buckets[math.Pow(2, i/8)]++
	t.buckets[math.Pow(2, (i-1)/8)] += 0
}
