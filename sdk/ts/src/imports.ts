// The functions of the host, as JavaScript toolchains for components show them. The shapes are those of wasi:otel 0.2.0-rc.2.

/** A WIT u64 or s64: some engines use bigint (StarlingMonkey), some number (QuickJS). */
export type Int64 = number | bigint;

/** Whether 64-bit integers are handed over as bigint or as number. A host function traps on the wrong one. */
export type Int64Kind = "bigint" | "number";

/** wasi:clocks/wall-clock, datetime. */
export interface Datetime {
  seconds: Int64;
  nanoseconds: number;
}

/** wasi:otel/types, key-value; the value is JSON. */
export interface KeyValue {
  key: string;
  value: string;
}

/** wasi:otel/types, resource. */
export interface WitResource {
  attributes: KeyValue[];
  schemaUrl?: string;
}

/** wasi:otel/types, instrumentation-scope. */
export interface WitScope {
  name: string;
  version?: string;
  schemaUrl?: string;
  attributes: KeyValue[];
}

/** wasi:otel/tracing, trace-flags. */
export interface WitTraceFlags {
  sampled?: boolean;
}

/** wasi:otel/tracing, span-context. */
export interface WitSpanContext {
  traceId: string;
  spanId: string;
  traceFlags: WitTraceFlags;
  isRemote: boolean;
  traceState: [string, string][];
}

/** wasi:otel/tracing, span-kind. */
export type WitSpanKind = "client" | "server" | "producer" | "consumer" | "internal";

/** wasi:otel/tracing, status. */
export type WitStatus = { tag: "unset" } | { tag: "ok" } | { tag: "error"; val: string };

/** wasi:otel/tracing, event. */
export interface WitEvent {
  name: string;
  time: Datetime;
  attributes: KeyValue[];
}

/** wasi:otel/tracing, link. */
export interface WitLink {
  spanContext: WitSpanContext;
  attributes: KeyValue[];
}

/** wasi:otel/tracing, span-data. */
export interface WitSpan {
  spanContext: WitSpanContext;
  parentSpanId: string;
  spanKind: WitSpanKind;
  name: string;
  startTime: Datetime;
  endTime: Datetime;
  attributes: KeyValue[];
  events: WitEvent[];
  links: WitLink[];
  status: WitStatus;
  instrumentationScope: WitScope;
  droppedAttributes: number;
  droppedEvents: number;
  droppedLinks: number;
}

/** wasi:otel/logs, log-record. */
export interface WitLogRecord {
  timestamp?: Datetime;
  observedTimestamp?: Datetime;
  severityText?: string;
  severityNumber?: number;
  body?: string;
  attributes?: KeyValue[];
  eventName?: string;
  resource?: WitResource;
  instrumentationScope?: WitScope;
  traceId?: string;
  spanId?: string;
  traceFlags?: WitTraceFlags;
}

/** wasi:otel/metrics, metric-number. */
export type WitNumber = { tag: "f64"; val: number } | { tag: "s64" | "u64"; val: Int64 };

/** wasi:otel/metrics, temporality. */
export type WitTemporality = "cumulative" | "delta" | "low-memory";

/** wasi:otel/metrics, exemplar. */
export interface WitExemplar {
  filteredAttributes: KeyValue[];
  time: Datetime;
  value: WitNumber;
  spanId: string;
  traceId: string;
}

/** wasi:otel/metrics, gauge-data-point and sum-data-point. */
export interface WitPoint {
  attributes: KeyValue[];
  value: WitNumber;
  exemplars: WitExemplar[];
}

/** wasi:otel/metrics, gauge. */
export interface WitGauge {
  dataPoints: WitPoint[];
  startTime?: Datetime;
  time: Datetime;
}

/** wasi:otel/metrics, sum. */
export interface WitSum {
  dataPoints: WitPoint[];
  startTime: Datetime;
  time: Datetime;
  temporality: WitTemporality;
  isMonotonic: boolean;
}

/** wasi:otel/metrics, histogram. */
export interface WitHistogram {
  dataPoints: {
    attributes: KeyValue[];
    count: Int64;
    bounds: number[];
    bucketCounts: Int64[];
    min?: WitNumber;
    max?: WitNumber;
    sum: WitNumber;
    exemplars: WitExemplar[];
  }[];
  startTime: Datetime;
  time: Datetime;
  temporality: WitTemporality;
}

/** wasi:otel/metrics, exponential-histogram. */
export interface WitExponentialHistogram {
  dataPoints: {
    attributes: KeyValue[];
    count: Int64;
    min?: WitNumber;
    max?: WitNumber;
    sum: WitNumber;
    scale: number;
    zeroCount: Int64;
    positiveBucket: { offset: number; counts: Int64[] };
    negativeBucket: { offset: number; counts: Int64[] };
    zeroThreshold: number;
    exemplars: WitExemplar[];
  }[];
  startTime: Datetime;
  time: Datetime;
  temporality: WitTemporality;
}

/** The number that a case of metric-data is of. */
export type NumberCase = "f64" | "u64" | "s64";

/** wasi:otel/metrics, metric-data. */
export type WitMetricData =
  | { tag: `${NumberCase}-gauge`; val: WitGauge }
  | { tag: `${NumberCase}-sum`; val: WitSum }
  | { tag: `${NumberCase}-histogram`; val: WitHistogram }
  | { tag: `${NumberCase}-exponential-histogram`; val: WitExponentialHistogram };

/** wasi:otel/metrics, metric. */
export interface WitMetric {
  name: string;
  description: string;
  unit: string;
  data: WitMetricData;
}

/** wasi:otel/metrics, resource-metrics. */
export interface WitResourceMetrics {
  resource: WitResource;
  scopeMetrics: { scope: WitScope; metrics: WitMetric[] }[];
}

/** wasi:otel/tracing. A host has one of the last two functions, whichever the component's WIT asks for. */
export interface TracingImport {
  onStart(context: WitSpanContext): void;
  onEnd(span: WitSpan): void;
  outerSpanContext?(): WitSpanContext;
  currentSpanContext?(): WitSpanContext;
}

/** wasi:otel/logs. */
export interface LogsImport {
  onEmit(record: WitLogRecord): void;
}

/** wasi:otel/metrics; it throws a string, or an object with a payload. */
export type MetricsImport = { export(metrics: WitResourceMetrics): void };

/** wasi:clocks/wall-clock. */
export interface ClockImport {
  now(): Datetime;
}

/** wasi:random/random. */
export interface RandomImport {
  getRandomU64(): Int64;
}

/**
 * What a component imports. All of it may be absent: without tracing there are no spans of the host's and none go to it, without logs and
 * metrics the same for these. Without the clock times are those of the SDK, whole milliseconds; without random identifiers come from
 * `crypto`, and where there is none from Math.random, which in an engine that was initialised at build time may repeat.
 */
export interface Host {
  tracing?: TracingImport;
  logs?: LogsImport;
  metrics?: MetricsImport;
  clock?: ClockImport;
  random?: RandomImport;
  /** How 64-bit integers are handed over. By default what the clock says, or random, else bigint. */
  int64?: Int64Kind;
}
