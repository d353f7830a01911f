package otlp

import "github.com/vitrine-wasm/vitrine/wasi/otel"

// Bits of the flags of spans, links and log records (trace.proto, SpanFlags).
const (
	flagSampled  = 1
	flagIsRemote = 0x200
)

// spanKinds are the kinds by their numbers in OTLP.
var spanKinds = [...]otel.SpanKind{otel.KindInternal, otel.KindInternal, otel.KindServer, otel.KindClient, otel.KindProducer, otel.KindConsumer}

// statusCodes are the codes by their numbers in OTLP.
var statusCodes = [...]otel.StatusCode{otel.StatusUnset, otel.StatusOK, otel.StatusError}

// spanOf decodes a span. It is sampled, as what is exported is: exporters before version 1.1 of OTLP do not say so.
func spanOf(b []byte) *otel.Span {
	s := &otel.Span{}
	s.Context.Sampled = true
	room := room(maxRecord)
	for num, v := range otlp.span.values(b) {
		switch num {
		case 1:
			s.Context.TraceID = traceID(v.bytes)
		case 2:
			s.Context.SpanID = spanID(v.bytes)
		case 3:
			s.Context.State = stateOf(v.bytes)
		case 4:
			s.ParentID = spanID(v.bytes)
		case 5:
			s.Name = string(v.bytes)
		case 6:
			if v.bits < uint64(len(spanKinds)) {
				s.Kind = spanKinds[v.bits]
			}
		case 7:
			s.Start = timeOf(v.bits)
		case 8:
			s.End = timeOf(v.bits)
		case 9:
			s.Attributes = room.add(s.Attributes, v.bytes, &s.DroppedAttributes)
		case 10:
			s.DroppedAttributes += uint32(v.bits)
		case 11:
			if !room.take(v.bytes) {
				s.DroppedEvents++
				continue
			}
			s.Events = append(s.Events, eventOf(v.bytes))
		case 12:
			s.DroppedEvents += uint32(v.bits)
		case 13:
			if !room.take(v.bytes) {
				s.DroppedLinks++
				continue
			}
			s.Links = append(s.Links, linkOf(v.bytes))
		case 14:
			s.DroppedLinks += uint32(v.bits)
		case 15:
			s.Status = statusOf(v.bytes)
		}
	}
	return s
}

func eventOf(b []byte) (e otel.Event) {
	for num, v := range otlp.event.values(b) {
		switch num {
		case 1:
			e.Time = timeOf(v.bits)
		case 2:
			e.Name = string(v.bytes)
		case 3:
			e.Attributes = append(e.Attributes, attribute(v.bytes))
		}
	}
	return e
}

func linkOf(b []byte) (l otel.Link) {
	for num, v := range otlp.link.values(b) {
		switch num {
		case 1:
			l.Context.TraceID = traceID(v.bytes)
		case 2:
			l.Context.SpanID = spanID(v.bytes)
		case 3:
			l.Context.State = stateOf(v.bytes)
		case 4:
			l.Attributes = append(l.Attributes, attribute(v.bytes))
		case 6:
			l.Context.Sampled, l.Context.IsRemote = v.bits&flagSampled != 0, v.bits&flagIsRemote != 0
		}
	}
	return l
}

func statusOf(b []byte) (s otel.Status) {
	for num, v := range otlp.status.values(b) {
		switch num {
		case 2:
			s.Description = string(v.bytes)
		case 3:
			s.Code = otel.StatusUnset
			if v.bits < uint64(len(statusCodes)) {
				s.Code = statusCodes[v.bits]
			}
		}
	}
	return s
}
