package otlp

import "github.com/vitrine-wasm/vitrine/wasi/otel"

// logOf decodes a log record.
func logOf(b []byte) *otel.LogRecord {
	r := &otel.LogRecord{}
	room, dropped := room(maxRecord), uint32(0)
	for num, v := range otlp.logRecord.values(b) {
		switch num {
		case 1:
			r.Time = knownTime(v.bits)
		case 2:
			r.Severity = uint8(min(v.bits, 255)) // beyond 24 it is none
		case 3:
			r.SeverityText = string(v.bytes)
		case 5:
			if room.take(v.bytes) {
				r.Body = anyValue(v.bytes)
			}
		case 6:
			r.Attributes = room.add(r.Attributes, v.bytes, &dropped)
		case 8:
			r.Sampled = v.bits&flagSampled != 0
		case 9:
			r.TraceID = traceID(v.bytes)
		case 10:
			r.SpanID = spanID(v.bytes)
		case 11:
			r.Observed = knownTime(v.bits)
		case 12:
			r.EventName = string(v.bytes)
		}
	}
	return r
}
