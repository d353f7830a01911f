import { TraceFlags, isSpanContextValid, type Context } from "@opentelemetry/api";
import type { LogRecordProcessor, SdkLogRecord } from "@opentelemetry/sdk-logs";
import type { WitLogRecord } from "./imports.js";
import { refine, toResource, toScope, type Link } from "./link.js";
import { toJSON, toKeyValues, wellFormed } from "./value.js";

/** Hands each log record over to the host when it is emitted. Nothing is buffered, so there is nothing to flush. */
export class HostLogRecordProcessor implements LogRecordProcessor {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  onEmit(record: SdkLogRecord, _context?: Context): void {
    const link = this.#link;
    const { logs } = link.host;
    if (!logs) {
      link.stats.dropped++;
      return;
    }
    link.call("on-emit", () => {
      logs.onEmit(this.#convert(record));
      link.stats.logs++;
    }, undefined);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}

  #convert(r: SdkLogRecord): WitLogRecord {
    const link = this.#link;
    const now = link.now();
    const out: WitLogRecord = {
      timestamp: link.datetime(refine(r.hrTime, now)),
      observedTimestamp: link.datetime(refine(r.hrTimeObserved, now)),
      attributes: toKeyValues(r.attributes),
      instrumentationScope: toScope(r.instrumentationScope),
    };
    // The host knows what it runs: a resource is sent only if the component names one.
    if (Object.keys(r.resource.attributes).length > 0) out.resource = toResource(r.resource);
    if (r.severityText !== undefined) out.severityText = wellFormed(r.severityText);
    if (Number.isInteger(r.severityNumber) && r.severityNumber! > 0 && r.severityNumber! <= 24) out.severityNumber = r.severityNumber;
    if (r.body !== undefined) out.body = toJSON(r.body);
    if (r.eventName) out.eventName = wellFormed(r.eventName);
    const c = r.spanContext;
    if (c && isSpanContextValid(c)) {
      out.traceId = c.traceId;
      out.spanId = c.spanId;
      out.traceFlags = { sampled: (c.traceFlags & TraceFlags.SAMPLED) !== 0 };
    }
    return out;
  }
}
