package otlp

import "google.golang.org/protobuf/encoding/protowire"

// kind is the type of a field, in protobuf and in JSON (OTLP §JSON Protobuf Encoding: as protobuf's, but for identifiers, which are
// hexadecimal, and enumerations, which are numbers).
type kind uint8

const (
	kindMessage kind = iota
	kindText
	kindBytes // base64 in JSON
	kindID    // bytes, hexadecimal in JSON
	kindBool
	kindEnum
	kindInt64  // varint
	kindUint   // varint, of 32 or 64 bits
	kindSint32 // zigzag
	kindFixed32
	kindFixed64
	kindSfixed64
	kindDouble
)

// wireType is how a single value of the kind is written.
func (k kind) wireType() protowire.Type {
	switch k {
	case kindMessage, kindText, kindBytes, kindID:
		return protowire.BytesType
	case kindFixed32:
		return protowire.Fixed32Type
	case kindFixed64, kindSfixed64, kindDouble:
		return protowire.Fixed64Type
	}
	return protowire.VarintType
}

// field is one field of a message.
type field struct {
	num      protowire.Number
	name     string // in JSON
	kind     kind
	repeated bool
	of       *message
	values   []string // the names of an enumeration's numbers, without those that are not used
}

// message is a message of opentelemetry-proto, with the fields that are read.
type message struct {
	fields []field
	byNum  [17]*field
	byName map[string]*field
}

func (m *message) of(fields ...field) *message {
	m.fields, m.byName = fields, map[string]*field{}
	for i := range m.fields {
		f := &m.fields[i]
		m.byNum[f.num], m.byName[f.name] = f, f
	}
	return m
}

// field finds a field by its number; nil if it is not known.
func (m *message) field(num protowire.Number) *field {
	if num < 1 || int(num) >= len(m.byNum) {
		return nil
	}
	return m.byNum[num]
}

func newMessage(fields ...field) *message { return new(message).of(fields...) }

func one(num protowire.Number, name string, k kind) field {
	return field{num: num, name: name, kind: k}
}

func many(num protowire.Number, name string, k kind) field {
	return field{num: num, name: name, kind: k, repeated: true}
}

func sub(num protowire.Number, name string, of *message) field {
	return field{num: num, name: name, of: of}
}

func list(num protowire.Number, name string, of *message) field {
	return field{num: num, name: name, of: of, repeated: true}
}

func enum(num protowire.Number, name string, values ...string) field {
	return field{num: num, name: name, kind: kindEnum, values: values}
}

// schema is the messages (opentelemetry-proto v1.11.0). TestSchema compares them with the published ones.
type schema struct {
	anyValue, keyValue, resource, scope           *message
	span, event, link, status, spans              *message
	logRecord, logs                               *message
	exemplar, buckets, number, histogram          *message
	exponential, quantile, summaryPoint, metric   *message
	metrics                                       *message
	traceRequest, logsRequest, metricsRequest     *message
	resourceSpans, resourceLogs, resourceMetrics  *message
	gauge, sum, histograms, exponentials, summary *message
}

var otlp = newSchema()

func newSchema() *schema {
	s := &schema{anyValue: &message{}}
	s.common()
	s.traces()
	s.logRecords()
	s.points()
	s.metricData()
	return s
}

func (s *schema) common() {
	s.keyValue = newMessage(one(1, "key", kindText), sub(2, "value", s.anyValue))
	s.anyValue.of(
		one(1, "stringValue", kindText), one(2, "boolValue", kindBool), one(3, "intValue", kindInt64), one(4, "doubleValue", kindDouble),
		sub(5, "arrayValue", newMessage(list(1, "values", s.anyValue))), sub(6, "kvlistValue", newMessage(list(1, "values", s.keyValue))),
		one(7, "bytesValue", kindBytes),
	)
	s.resource = newMessage(list(1, "attributes", s.keyValue))
	s.scope = newMessage(one(1, "name", kindText), one(2, "version", kindText), list(3, "attributes", s.keyValue))
}

// request is the request of a signal: records by scope, by resource.
func (s *schema) request(resources, scopes, records string, record *message) (request, ofResource, ofScope *message) {
	ofScope = newMessage(sub(1, "scope", s.scope), list(2, records, record), one(3, "schemaUrl", kindText))
	ofResource = newMessage(sub(1, "resource", s.resource), list(2, scopes, ofScope), one(3, "schemaUrl", kindText))
	return newMessage(list(1, resources, ofResource)), ofResource, ofScope
}

func (s *schema) traces() {
	s.event = newMessage(one(1, "timeUnixNano", kindFixed64), one(2, "name", kindText), list(3, "attributes", s.keyValue), one(4, "droppedAttributesCount", kindUint))
	s.link = newMessage(
		one(1, "traceId", kindID), one(2, "spanId", kindID), one(3, "traceState", kindText), list(4, "attributes", s.keyValue),
		one(5, "droppedAttributesCount", kindUint), one(6, "flags", kindFixed32),
	)
	s.status = newMessage(one(2, "message", kindText), enum(3, "code", "STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"))
	s.span = newMessage(
		one(1, "traceId", kindID), one(2, "spanId", kindID), one(3, "traceState", kindText), one(4, "parentSpanId", kindID), one(5, "name", kindText),
		enum(6, "kind", "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"),
		one(7, "startTimeUnixNano", kindFixed64), one(8, "endTimeUnixNano", kindFixed64),
		list(9, "attributes", s.keyValue), one(10, "droppedAttributesCount", kindUint),
		list(11, "events", s.event), one(12, "droppedEventsCount", kindUint),
		list(13, "links", s.link), one(14, "droppedLinksCount", kindUint),
		sub(15, "status", s.status), one(16, "flags", kindFixed32),
	)
	s.traceRequest, s.resourceSpans, s.spans = s.request("resourceSpans", "scopeSpans", "spans", s.span)
}

// severities are the names of severity numbers.
var severities = []string{
	"SEVERITY_NUMBER_UNSPECIFIED",
	"SEVERITY_NUMBER_TRACE", "SEVERITY_NUMBER_TRACE2", "SEVERITY_NUMBER_TRACE3", "SEVERITY_NUMBER_TRACE4",
	"SEVERITY_NUMBER_DEBUG", "SEVERITY_NUMBER_DEBUG2", "SEVERITY_NUMBER_DEBUG3", "SEVERITY_NUMBER_DEBUG4",
	"SEVERITY_NUMBER_INFO", "SEVERITY_NUMBER_INFO2", "SEVERITY_NUMBER_INFO3", "SEVERITY_NUMBER_INFO4",
	"SEVERITY_NUMBER_WARN", "SEVERITY_NUMBER_WARN2", "SEVERITY_NUMBER_WARN3", "SEVERITY_NUMBER_WARN4",
	"SEVERITY_NUMBER_ERROR", "SEVERITY_NUMBER_ERROR2", "SEVERITY_NUMBER_ERROR3", "SEVERITY_NUMBER_ERROR4",
	"SEVERITY_NUMBER_FATAL", "SEVERITY_NUMBER_FATAL2", "SEVERITY_NUMBER_FATAL3", "SEVERITY_NUMBER_FATAL4",
}

func (s *schema) logRecords() {
	s.logRecord = newMessage(
		one(1, "timeUnixNano", kindFixed64), enum(2, "severityNumber", severities...), one(3, "severityText", kindText), sub(5, "body", s.anyValue),
		list(6, "attributes", s.keyValue), one(7, "droppedAttributesCount", kindUint), one(8, "flags", kindFixed32),
		one(9, "traceId", kindID), one(10, "spanId", kindID), one(11, "observedTimeUnixNano", kindFixed64), one(12, "eventName", kindText),
	)
	s.logsRequest, s.resourceLogs, s.logs = s.request("resourceLogs", "scopeLogs", "logRecords", s.logRecord)
}

func (s *schema) points() {
	s.exemplar = newMessage(
		one(2, "timeUnixNano", kindFixed64), one(3, "asDouble", kindDouble), one(4, "spanId", kindID), one(5, "traceId", kindID),
		one(6, "asInt", kindSfixed64), list(7, "filteredAttributes", s.keyValue),
	)
	s.number = newMessage(
		one(2, "startTimeUnixNano", kindFixed64), one(3, "timeUnixNano", kindFixed64), one(4, "asDouble", kindDouble), list(5, "exemplars", s.exemplar),
		one(6, "asInt", kindSfixed64), list(7, "attributes", s.keyValue), one(8, "flags", kindUint),
	)
	s.histogram = newMessage(
		one(2, "startTimeUnixNano", kindFixed64), one(3, "timeUnixNano", kindFixed64), one(4, "count", kindFixed64), one(5, "sum", kindDouble),
		many(6, "bucketCounts", kindFixed64), many(7, "explicitBounds", kindDouble), list(8, "exemplars", s.exemplar),
		list(9, "attributes", s.keyValue), one(10, "flags", kindUint), one(11, "min", kindDouble), one(12, "max", kindDouble),
	)
	s.buckets = newMessage(one(1, "offset", kindSint32), many(2, "bucketCounts", kindUint))
	s.exponential = newMessage(
		list(1, "attributes", s.keyValue), one(2, "startTimeUnixNano", kindFixed64), one(3, "timeUnixNano", kindFixed64), one(4, "count", kindFixed64),
		one(5, "sum", kindDouble), one(6, "scale", kindSint32), one(7, "zeroCount", kindFixed64), sub(8, "positive", s.buckets), sub(9, "negative", s.buckets),
		one(10, "flags", kindUint), list(11, "exemplars", s.exemplar), one(12, "min", kindDouble), one(13, "max", kindDouble), one(14, "zeroThreshold", kindDouble),
	)
	s.quantile = newMessage(one(1, "quantile", kindDouble), one(2, "value", kindDouble))
	s.summaryPoint = newMessage(
		one(2, "startTimeUnixNano", kindFixed64), one(3, "timeUnixNano", kindFixed64), one(4, "count", kindFixed64), one(5, "sum", kindDouble),
		list(6, "quantileValues", s.quantile), list(7, "attributes", s.keyValue), one(8, "flags", kindUint),
	)
}

func (s *schema) metricData() {
	temporality := enum(2, "aggregationTemporality", "AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE")
	s.gauge = newMessage(list(1, "dataPoints", s.number))
	s.sum = newMessage(list(1, "dataPoints", s.number), temporality, one(3, "isMonotonic", kindBool))
	s.histograms = newMessage(list(1, "dataPoints", s.histogram), temporality)
	s.exponentials = newMessage(list(1, "dataPoints", s.exponential), temporality)
	s.summary = newMessage(list(1, "dataPoints", s.summaryPoint))
	s.metric = newMessage(
		one(1, "name", kindText), one(2, "description", kindText), one(3, "unit", kindText), sub(5, "gauge", s.gauge), sub(7, "sum", s.sum),
		sub(9, "histogram", s.histograms), sub(10, "exponentialHistogram", s.exponentials), sub(11, "summary", s.summary),
	)
	s.metricsRequest, s.resourceMetrics, s.metrics = s.request("resourceMetrics", "scopeMetrics", "metrics", s.metric)
}
