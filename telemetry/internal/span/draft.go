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

// draft is what a span holds while it is recorded. Drafts are used again.
type draft struct {
	b    []byte // the head, then attributes; what comes at the end is added by finish
	head int    // where attributes begin

	name          string
	status        codes.Code
	message       string
	attrs         int
	droppedAttrs  int
	mixed         bool // attributes were set by OpenTelemetry's API, maybe those that a boundary sets
	events, links pieces

	later *later // for a span that an SDK's tracer is to record
}

// keepDraft is the size up to which a draft's memory is used again.
const keepDraft = 16 << 10

var drafts = sync.Pool{New: func() any { return &draft{b: make([]byte, 0, 1<<10)} }}

func newDraft() *draft { return drafts.Get().(*draft) }

func (d *draft) release() {
	if cap(d.b) > keepDraft || cap(d.events.b) > keepDraft || cap(d.links.b) > keepDraft {
		return
	}
	*d = draft{b: d.b[:0], events: d.events.reset(), links: d.links.reset()}
	drafts.Put(d)
}

// begin writes what is known of a span before its attributes.
func (d *draft) begin(sc, parent trace.SpanContext, kind trace.SpanKind, start time.Time) {
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
		b = appendText(b, tagTraceState, text(state.String(), -1))
	}
	b = append(b, tagFlags0, tagFlags1)
	b = binary.LittleEndian.AppendUint32(b, flags(sc.TraceFlags(), parent.IsRemote()))
	b = append(b, tagKind, kindOf(kind), tagStart)
	d.b = binary.LittleEndian.AppendUint64(b, nanos(start))
	d.head = len(d.b)
}

// flags is Span.flags: the W3C flags, and whether the parent is known to be of another process.
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
func (d *draft) set(kv attribute.KeyValue, p *Provider) {
	if !kv.Valid() {
		d.droppedAttrs++
		return
	}
	limit := p.limits.AttributeCountLimit
	switch {
	case d.remove(text(string(kv.Key), -1)):
	case limit >= 0 && d.attrs >= limit:
		d.droppedAttrs++
		return
	default:
		d.attrs++
	}
	d.b = appendKeyValue(d.b, tagAttribute, kv, p.bounds)
}

// remove takes the attribute called key out of the draft, if it is there.
func (d *draft) remove(key string) bool {
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

// limited is the attributes of an event or link within a limit of their number, and how many were left out.
func limited(kvs []attribute.KeyValue, limit int) ([]attribute.KeyValue, int) {
	if limit < 0 || len(kvs) <= limit {
		return kvs, 0
	}
	return kvs[:limit], len(kvs) - limit
}

// pieces are events or links, one after the other. Beyond their limit the oldest gives way.
type pieces struct {
	b       []byte
	ends    []int
	dropped int
}

// added counts the piece in that was appended to b.
func (p *pieces) added(limit int) {
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

func (p *pieces) reset() pieces { return pieces{b: p.b[:0], ends: p.ends[:0]} }

func (d *draft) event(name string, at time.Time, kvs []attribute.KeyValue, l *sdktrace.SpanLimits) {
	b, from := open(d.events.b, tagEvent)
	b = binary.LittleEndian.AppendUint64(append(b, 1<<3|fixed64), nanos(at))
	b = appendText(b, 2<<3|bytesType, text(name, -1))
	kvs, dropped := limited(kvs, l.AttributePerEventCountLimit)
	for _, kv := range kvs {
		b = appendKeyValue(b, 3<<3|bytesType, kv, bounds{-1, l.AttributeValueDepthLimit})
	}
	d.events.b = closed(appendCount(b, 4<<3|varintType, dropped), from)
	d.events.added(l.EventCountLimit)
}

func (d *draft) link(link trace.Link, l *sdktrace.SpanLimits) {
	b, from := open(d.links.b, tagLink)
	tid, sid := link.SpanContext.TraceID(), link.SpanContext.SpanID()
	b = protowire.AppendBytes(append(b, 1<<3|bytesType), tid[:])
	b = protowire.AppendBytes(append(b, 2<<3|bytesType), sid[:])
	if state := link.SpanContext.TraceState(); state.Len() > 0 {
		b = appendText(b, 3<<3|bytesType, text(state.String(), -1))
	}
	kvs, dropped := limited(link.Attributes, l.AttributePerLinkCountLimit)
	for _, kv := range kvs {
		b = appendKeyValue(b, 4<<3|bytesType, kv, bounds{-1, l.AttributeValueDepthLimit})
	}
	b = appendCount(b, 5<<3|varintType, dropped)
	b = binary.LittleEndian.AppendUint32(append(b, 6<<3|fixed32), flags(link.SpanContext.TraceFlags(), link.SpanContext.IsRemote()))
	d.links.b = closed(b, from)
	d.links.added(l.LinkCountLimit)
}

// finish adds to b what comes after attributes; b holds the rest of the draft.
func (d *draft) finish(b []byte, end uint64) []byte {
	b = appendText(b, tagName, text(d.name, -1))
	if end != 0 {
		b = binary.LittleEndian.AppendUint64(append(b, tagEnd), end)
	}
	b = appendCount(b, tagDroppedAttrs, d.droppedAttrs)
	b = append(b, d.events.b...)
	b = appendCount(b, tagDroppedEvents, d.events.dropped)
	b = append(b, d.links.b...)
	b = appendCount(b, tagDroppedLinks, d.links.dropped)
	b, status := open(b, tagStatus)
	if d.status == codes.Error && d.message != "" {
		b = appendText(b, 2<<3|bytesType, text(d.message, -1))
	}
	switch d.status {
	case codes.Ok:
		b = append(b, 3<<3|varintType, byte(tracepb.Status_STATUS_CODE_OK))
	case codes.Error:
		b = append(b, 3<<3|varintType, byte(tracepb.Status_STATUS_CODE_ERROR))
	}
	return closed(b, status)
}

func appendCount(b []byte, tag byte, n int) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(append(b, tag), min(uint64(n), math.MaxUint32))
}

// peek is the message as it would be if the span ended without an end.
func (d *draft) peek() []byte { return d.finish(bytes.Clone(d.b), 0) }
