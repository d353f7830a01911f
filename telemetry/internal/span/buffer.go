package span

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// buffer holds a span while it is recorded. Buffers are reused.
type buffer struct {
	b    []byte // the head, then attributes; what comes at the end is added by finish
	head int    // where attributes begin

	name          string
	status        codes.Code
	message       string
	attrs         int
	droppedAttrs  int
	apiAttributes bool // attributes were set by OpenTelemetry's API, maybe those that a boundary sets
	events, links messages

	sdkStart *sdkStart // for a span that an SDK's tracer is to record
}

// keepBuffer is the size up to which a buffer's memory is reused.
const keepBuffer = 16 << 10

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 1<<10)} }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

func (d *buffer) release() {
	if cap(d.b) > keepBuffer || cap(d.events.b) > keepBuffer || cap(d.links.b) > keepBuffer {
		return
	}
	*d = buffer{b: d.b[:0], events: d.events.reset(), links: d.links.reset()}
	buffers.Put(d)
}

// begin writes the fields before the attributes.
func (d *buffer) begin(sc, parent trace.SpanContext, kind trace.SpanKind, start time.Time) {
	tid, sid := sc.TraceID(), sc.SpanID()
	b := append(d.b[:0], tagTraceID, byte(len(tid)))
	b = append(b, tid[:]...)
	b = append(b, tagSpanID, byte(len(sid)))
	b = append(b, sid[:]...)
	if parent.HasSpanID() {
		psid := parent.SpanID()
		b = append(b, tagParentID, byte(len(psid)))
		b = append(b, psid[:]...)
	}
	if state := sc.TraceState(); state.Len() > 0 {
		b = appendText(b, tagTraceState, fitText(state.String(), -1))
	}
	b = append(b, tagFlags0, tagFlags1)
	b = binary.LittleEndian.AppendUint32(b, flags(sc.TraceFlags(), parent.IsRemote()))
	b = append(b, tagKind, kindOf(kind), tagStart)
	d.b = binary.LittleEndian.AppendUint64(b, nanos(start))
	d.head = len(d.b)
}

// flags is Span.flags: the W3C flags, and whether the parent is remote.
func flags(f trace.TraceFlags, remote bool) uint32 {
	n := uint32(f) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if remote {
		n |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return n
}

func nanos(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) }

// kindOf is the kind in OTLP's numbers.
func kindOf(k trace.SpanKind) byte {
	switch k {
	case trace.SpanKindServer:
		return byte(tracepb.Span_SPAN_KIND_SERVER)
	case trace.SpanKindClient:
		return byte(tracepb.Span_SPAN_KIND_CLIENT)
	case trace.SpanKindProducer:
		return byte(tracepb.Span_SPAN_KIND_PRODUCER)
	case trace.SpanKindConsumer:
		return byte(tracepb.Span_SPAN_KIND_CONSUMER)
	}
	return byte(tracepb.Span_SPAN_KIND_INTERNAL)
}

// set sets an attribute that may be set already.
func (d *buffer) set(kv attribute.KeyValue, p *Provider) {
	if !kv.Valid() {
		d.droppedAttrs++
		return
	}
	limit := p.limits.AttributeCountLimit
	switch {
	case d.remove(fitText(string(kv.Key), -1)):
	case limit >= 0 && d.attrs >= limit:
		d.droppedAttrs++
		return
	default:
		d.attrs++
	}
	d.b = appendKeyValue(d.b, tagAttribute, kv, p.bounds)
}

// setStatus sets the status unless a higher one is set.
func (d *buffer) setStatus(code codes.Code, description string) {
	if d.status > code {
		return
	}
	d.status, d.message = code, ""
	if code == codes.Error {
		d.message = fitText(description, -1)
	}
}

// remove removes the attribute called key, and reports whether it was set.
func (d *buffer) remove(key string) bool {
	for at := d.head; at < len(d.b); {
		size, n := protowire.ConsumeVarint(d.b[at+1:])
		from := at + 1 + n
		to := from + int(size)
		k, n := protowire.ConsumeBytes(d.b[from+1 : to])
		if n > 0 && string(k) == key {
			d.b = append(d.b[:at], d.b[to:]...)
			return true
		}
		at = to
	}
	return false
}

// limitAttributes returns the attributes of an event or link within a limit of their number, and how many it dropped.
func limitAttributes(kvs []attribute.KeyValue, limit int) ([]attribute.KeyValue, int) {
	if limit < 0 || len(kvs) <= limit {
		return kvs, 0
	}
	return kvs[:limit], len(kvs) - limit
}

// messages are encoded events or links. Beyond their limit the oldest is dropped.
type messages struct {
	b       []byte
	ends    []int
	dropped int
}

// enforceLimit counts the message that was appended to b, and drops the oldest if there are too many.
func (p *messages) enforceLimit(limit int) {
	p.ends = append(p.ends, len(p.b))
	if limit < 0 || len(p.ends) <= limit {
		return
	}
	p.dropped++
	size := p.ends[0]
	p.b = append(p.b[:0], p.b[size:]...)
	p.ends = append(p.ends[:0], p.ends[1:]...)
	for i := range p.ends {
		p.ends[i] -= size
	}
}

func (p *messages) reset() messages { return messages{b: p.b[:0], ends: p.ends[:0]} }

func (d *buffer) event(name string, at time.Time, kvs []attribute.KeyValue, l *sdktrace.SpanLimits) {
	b, from := openMessage(d.events.b, tagEvent)
	b = binary.LittleEndian.AppendUint64(append(b, 1<<3|fixed64), nanos(at))
	b = appendText(b, 2<<3|bytesType, fitText(name, -1))
	kvs, dropped := limitAttributes(kvs, l.AttributePerEventCountLimit)
	for _, kv := range kvs {
		b = appendKeyValue(b, 3<<3|bytesType, kv, bounds{-1, l.AttributeValueDepthLimit})
	}
	d.events.b = closeMessage(appendCount(b, 4<<3|varintType, dropped), from)
	d.events.enforceLimit(l.EventCountLimit)
}

func (d *buffer) link(link trace.Link, l *sdktrace.SpanLimits) {
	b, from := openMessage(d.links.b, tagLink)
	tid, sid := link.SpanContext.TraceID(), link.SpanContext.SpanID()
	b = protowire.AppendBytes(append(b, 1<<3|bytesType), tid[:])
	b = protowire.AppendBytes(append(b, 2<<3|bytesType), sid[:])
	if state := link.SpanContext.TraceState(); state.Len() > 0 {
		b = appendText(b, 3<<3|bytesType, fitText(state.String(), -1))
	}
	kvs, dropped := limitAttributes(link.Attributes, l.AttributePerLinkCountLimit)
	for _, kv := range kvs {
		b = appendKeyValue(b, 4<<3|bytesType, kv, bounds{-1, l.AttributeValueDepthLimit})
	}
	b = appendCount(b, 5<<3|varintType, dropped)
	b = binary.LittleEndian.AppendUint32(append(b, 6<<3|fixed32), flags(link.SpanContext.TraceFlags(), link.SpanContext.IsRemote()))
	d.links.b = closeMessage(b, from)
	d.links.enforceLimit(l.LinkCountLimit)
}

// finish appends to b, which holds the buffer's bytes, the fields after the attributes.
func (d *buffer) finish(b []byte, end uint64) []byte {
	b = appendText(b, tagName, fitText(d.name, -1))
	if end != 0 {
		b = binary.LittleEndian.AppendUint64(append(b, tagEnd), end)
	}
	b = appendCount(b, tagDroppedAttrs, d.droppedAttrs)
	b = append(b, d.events.b...)
	b = appendCount(b, tagDroppedEvents, d.events.dropped)
	b = append(b, d.links.b...)
	b = appendCount(b, tagDroppedLinks, d.links.dropped)
	b, status := openMessage(b, tagStatus)
	if d.status == codes.Error && d.message != "" {
		b = appendText(b, 2<<3|bytesType, fitText(d.message, -1))
	}
	switch d.status {
	case codes.Ok:
		b = append(b, 3<<3|varintType, byte(tracepb.Status_STATUS_CODE_OK))
	case codes.Error:
		b = append(b, 3<<3|varintType, byte(tracepb.Status_STATUS_CODE_ERROR))
	}
	return closeMessage(b, status)
}

func appendCount(b []byte, tag byte, n int) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(append(b, tag), min(uint64(n), math.MaxUint32))
}

// snapshot is the message so far, without an end time.
func (d *buffer) snapshot() []byte { return d.finish(bytes.Clone(d.b), 0) }
