package otel

// What a record and its parts take without their texts, in bytes, by and large. It is what they take on their way out, which
// is what limits of output are about.
const (
	emptySpan   = 128
	emptyRecord = 128
	emptyPart   = 32
	emptyValue  = 8
)

// deepest is how deep lists and maps are looked into.
const deepest = 64

// Size is about how many bytes the span takes.
func (s *Span) Size() int {
	n := emptySpan + len(s.Name) + len(s.Status.Description) + s.Context.Size() + s.Scope.Size() + SizeOf(s.Attributes)
	for i := range s.Events {
		n += s.Events[i].Size()
	}
	for i := range s.Links {
		n += s.Links[i].Size()
	}
	if s.Resource != nil {
		n += SizeOf(s.Resource.Attributes)
	}
	return n
}

// Size is about how many bytes the context takes.
func (c *SpanContext) Size() int {
	n := emptyPart
	for _, e := range c.State {
		n += len(e.Key) + len(e.Value) + 2
	}
	return n
}

// Size is about how many bytes the event takes.
func (e *Event) Size() int { return emptyPart + len(e.Name) + SizeOf(e.Attributes) }

// Size is about how many bytes the link takes.
func (l *Link) Size() int { return emptyPart + l.Context.Size() + SizeOf(l.Attributes) }

// Size is about how many bytes the scope takes.
func (s *Scope) Size() int {
	return len(s.Name) + len(s.Version) + len(s.SchemaURL) + SizeOf(s.Attributes)
}

// Size is about how many bytes the record takes.
func (r *LogRecord) Size() int {
	n := emptyRecord + len(r.SeverityText) + len(r.EventName) + sizeOf(r.Body, deepest) + SizeOf(r.Attributes)
	if r.Resource != nil {
		n += SizeOf(r.Resource.Attributes)
	}
	if r.Scope != nil {
		n += r.Scope.Size()
	}
	return n
}

// Size is about how many bytes the metrics take.
func (m *ResourceMetrics) Size() int {
	n := SizeOf(m.Resource.Attributes)
	for i := range m.Scopes {
		s := &m.Scopes[i]
		n += s.Scope.Size()
		for k := range s.Metrics {
			x := &s.Metrics[k]
			n += emptyPart + len(x.Name) + len(x.Description) + len(x.Unit) + sizeOfData(x.Data)
		}
	}
	return n
}

func sizeOfData(d MetricData) (n int) {
	add := func(kvs []KeyValue, numbers int, es []Exemplar) {
		n += emptyPart + 8*numbers + SizeOf(kvs)
		for i := range es {
			n += emptyPart + SizeOf(es[i].Filtered)
		}
	}
	switch d := d.(type) {
	case *Gauge:
		for i := range d.Points {
			add(d.Points[i].Attributes, 1, d.Points[i].Exemplars)
		}
	case *Sum:
		for i := range d.Points {
			add(d.Points[i].Attributes, 1, d.Points[i].Exemplars)
		}
	case *Histogram:
		for i := range d.Points {
			p := &d.Points[i]
			add(p.Attributes, len(p.Bounds)+len(p.Counts), p.Exemplars)
		}
	case *ExponentialHistogram:
		for i := range d.Points {
			p := &d.Points[i]
			add(p.Attributes, len(p.Positive.Counts)+len(p.Negative.Counts), p.Exemplars)
		}
	}
	return n
}

// SizeOf is about how many bytes attributes take.
func SizeOf(kvs []KeyValue) int {
	n := 0
	for i := range kvs {
		n += kvs[i].Size()
	}
	return n
}

// Size is about how many bytes the attribute takes.
func (kv *KeyValue) Size() int { return emptyValue + len(kv.Key) + sizeOf(kv.Value, deepest) }

func sizeOf(v Value, depth int) int {
	n := emptyValue
	if depth == 0 {
		return n
	}
	switch v := v.(type) {
	case string:
		n += len(v)
	case []byte:
		n += len(v)
	case []Value:
		for _, e := range v {
			n += sizeOf(e, depth-1)
		}
	case []KeyValue:
		for i := range v {
			n += emptyValue + len(v[i].Key) + sizeOf(v[i].Value, depth-1)
		}
	}
	return n
}

// Points is how many data points the metrics have.
func (m *ResourceMetrics) Points() int {
	n := 0
	for i := range m.Scopes {
		for k := range m.Scopes[i].Metrics {
			n += m.Scopes[i].Metrics[k].Points()
		}
	}
	return n
}

// Points is how many data points the metric has.
func (m *Metric) Points() int {
	switch d := m.Data.(type) {
	case *Gauge:
		return len(d.Points)
	case *Sum:
		return len(d.Points)
	case *Histogram:
		return len(d.Points)
	case *ExponentialHistogram:
		return len(d.Points)
	}
	return 0
}
