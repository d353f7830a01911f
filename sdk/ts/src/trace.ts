import { SpanKind, SpanStatusCode, TraceFlags, isSpanContextValid, type AttributeValue, type Attributes, type Context, type HrTime, type SpanContext, type TimeInput } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { WitSpan, WitSpanContext, WitSpanKind, WitStatus } from "./imports.js";
import { refine, toScope, type Link } from "./link.js";
import { toKeyValues, wellFormed } from "./value.js";

/** The span of the SDK, as a processor gets it at its start. */
type RecordingSpan = Parameters<SpanProcessor["onStart"]>[0];

/**
 * Hands spans over to the host, each when it starts and when it ends. Nothing is buffered, so there is nothing to flush.
 *
 * The SDK takes the time of a start from Date.now, in whole milliseconds, and an engine's `performance` may be that of its build. With a clock
 * the processor gives spans and events without a time of their own the clock's, in nanoseconds; times that a caller names stay.
 */
export class HostSpanProcessor implements SpanProcessor {
  readonly #link: Link;
  readonly #open = new Map<string, HrTime | undefined>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** How many spans have started and not ended; at most maxOpen are known. */
  get open(): number {
    return this.#open.size;
  }

  onStart(span: RecordingSpan, _parent: Context): void {
    const { tracing } = this.#link.host;
    this.#link.stats.started++;
    if (!tracing) return;
    const now = this.#link.now();
    if (this.#open.size < maxOpen) this.#open.set(span.spanContext().spanId, now);
    if (now) this.#keepTime(span);
    this.#link.call("on-start", () => tracing.onStart(toSpanContext(span.spanContext())), undefined);
  }

  onEnd(span: ReadableSpan): void {
    const link = this.#link;
    const { tracing } = link.host;
    const id = span.spanContext().spanId;
    const now = this.#open.get(id);
    this.#open.delete(id);
    if (!tracing) {
      link.stats.dropped++;
      return;
    }
    link.call("on-end", () => {
      tracing.onEnd(this.#convert(span, refine(span.startTime, now)));
      link.stats.ended++;
      if (link.requests === 0) link.stats.late++;
    }, undefined);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}

  /** Gives the span's end and events the clock's time, where the caller names none. */
  #keepTime(span: RecordingSpan): void {
    const link = this.#link;
    const end = span.end;
    const addEvent = span.addEvent;
    span.end = function (time?: TimeInput) {
      return end.call(this, time ?? link.now());
    };
    span.addEvent = function (name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput) {
      if (isTime(attributesOrTime)) return addEvent.call(this, name, undefined, time ?? attributesOrTime);
      return addEvent.call(this, name, attributesOrTime as Attributes | undefined, time ?? link.now());
    };
  }

  #convert(span: ReadableSpan, start: HrTime): WitSpan {
    const link = this.#link;
    const context = span.spanContext();
    const parent = span.parentSpanContext;
    return {
      spanContext: toSpanContext(context),
      parentSpanId: parent && isSpanContextValid(parent) && parent.traceId === context.traceId ? parent.spanId : "",
      spanKind: kinds[span.kind] ?? "internal",
      name: wellFormed(span.name),
      startTime: link.datetime(start),
      endTime: link.datetime(later(start, span.endTime)),
      attributes: toKeyValues(span.attributes),
      events: span.events.map((e) => ({ name: wellFormed(e.name), time: link.datetime(e.time), attributes: toKeyValues(e.attributes) })),
      links: span.links.map((l) => ({ spanContext: toSpanContext(l.context), attributes: toKeyValues(l.attributes) })),
      status: toStatus(span.status),
      instrumentationScope: toScope(span.instrumentationScope),
      droppedAttributes: u32(span.droppedAttributesCount),
      droppedEvents: u32(span.droppedEventsCount),
      droppedLinks: u32(span.droppedLinksCount),
    };
  }
}

// Spans that are started and never ended must not fill the memory of a reused instance.
const maxOpen = 4096;

const kinds: Record<number, WitSpanKind> = {
  [SpanKind.INTERNAL]: "internal",
  [SpanKind.SERVER]: "server",
  [SpanKind.CLIENT]: "client",
  [SpanKind.PRODUCER]: "producer",
  [SpanKind.CONSUMER]: "consumer",
};

function isTime(v: unknown): v is TimeInput {
  return typeof v === "number" || v instanceof Date || (Array.isArray(v) && v.length === 2 && v.every((n: AttributeValue) => typeof n === "number"));
}

function later(a: HrTime, b: HrTime): HrTime {
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]) ? a : b;
}

function u32(n: number | undefined): number {
  return Math.min(Math.max(Math.trunc(n ?? 0) || 0, 0), 0xffffffff);
}

function toStatus(s: { code: SpanStatusCode; message?: string }): WitStatus {
  if (s.code === SpanStatusCode.ERROR) return { tag: "error", val: wellFormed(s.message ?? "") };
  return s.code === SpanStatusCode.OK ? { tag: "ok" } : { tag: "unset" };
}

/** A span's context as the host takes it. */
export function toSpanContext(c: SpanContext): WitSpanContext {
  return {
    traceId: c.traceId,
    spanId: c.spanId,
    traceFlags: { sampled: (c.traceFlags & TraceFlags.SAMPLED) !== 0 },
    isRemote: c.isRemote === true,
    traceState: entries(c.traceState?.serialize() ?? ""),
  };
}

function entries(state: string): [string, string][] {
  const out: [string, string][] = [];
  for (const e of state.split(",")) {
    const at = e.indexOf("=");
    if (at > 0) out.push([e.slice(0, at).trim(), e.slice(at + 1).trim()]);
  }
  return out;
}
