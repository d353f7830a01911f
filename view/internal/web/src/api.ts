// What the HTTP API says; package view/internal/api writes it.

export interface Summary {
  traceId: string;
  start: string;
  duration: number;
  spans: number;
  errors: number;
  name: string;
  service: string;
  code?: number;
  failed?: boolean;
  partial?: boolean;
  services: string[];
  run: string;
}

export interface Bucket { from: number; to: number; count: number; failed: number }
export interface Group { service: string; name: string; count: number; errors: number; p50: number; p95: number; p99: number }

export interface TraceList {
  traces: Summary[];
  matched: number;
  partial?: boolean;
  durations: Bucket[];
  groups: Group[];
  services: { name: string; count: number }[];
}

export interface Log {
  time: string;
  severity: number;
  service: string;
  body: unknown;
  traceId?: string;
  spanId?: string;
  eventName?: string;
  attributes: Record<string, unknown>;
  at: string;
}

export interface Status {
  version: string;
  title: string;
  traces: number;
  logs: string;
  bytes: string;
  maxBytes: string;
  evicted: string;
  run: string;
  now: string;
  dropped: { signal: string; reason: string; count: string }[];
  damagedFiles: number;
  newerFiles: number;
  problem?: { text: string; since: string };
  forward?: { to: string; sent: string; waiting: number; problem?: string };
}

// OTLP JSON.
export interface AnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string;
  doubleValue?: number | string;
  bytesValue?: string;
  arrayValue?: { values?: AnyValue[] };
  kvlistValue?: { values?: KeyValue[] };
}
export interface KeyValue { key: string; value?: AnyValue }
export interface OtlpEvent { timeUnixNano?: string; name?: string; attributes?: KeyValue[]; droppedAttributesCount?: number }
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name?: string;
  kind?: number;
  startTimeUnixNano?: string;
  endTimeUnixNano?: string;
  attributes?: KeyValue[];
  events?: OtlpEvent[];
  links?: { traceId: string; spanId: string; attributes?: KeyValue[] }[];
  droppedAttributesCount?: number;
  droppedEventsCount?: number;
  droppedLinksCount?: number;
  status?: { code?: number; message?: string };
}
export interface TracesData {
  resourceSpans?: { resource?: { attributes?: KeyValue[] }; scopeSpans?: { scope?: { name?: string; version?: string }; spans?: OtlpSpan[] }[] }[];
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<{ data: T; omitted: number }> {
  const r = await fetch(path, { signal, credentials: "same-origin" });
  const text = await r.text();
  if (!r.ok) {
    let why = text || r.statusText;
    try {
      why = JSON.parse(text).error ?? why;
    } catch {
      // not JSON: the text is the reason
    }
    throw new Error(why);
  }
  return { data: JSON.parse(text) as T, omitted: Number(r.headers.get("Vitrine-Omitted-Spans") ?? 0) };
}

export function plain(v: AnyValue | undefined): unknown {
  if (!v) return null;
  if (v.stringValue !== undefined) return v.stringValue;
  if (v.boolValue !== undefined) return v.boolValue;
  if (v.intValue !== undefined) return Number(v.intValue);
  if (v.doubleValue !== undefined) return Number(v.doubleValue);
  if (v.bytesValue !== undefined) return v.bytesValue;
  if (v.arrayValue) return (v.arrayValue.values ?? []).map(plain);
  if (v.kvlistValue) return attributes(v.kvlistValue.values);
  return null;
}

export function attributes(list: KeyValue[] | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const kv of list ?? []) out[kv.key] = plain(kv.value);
  return out;
}

export interface Instrument { meter: string; name: string; unit: string; description: string; kind: string; services: string[]; last: string }
export interface Exemplar { time: string; value: number; traceId: string; spanId: string }

// Chart is a metric over time. Values of counters and histograms are a second's; null: none.
export interface Chart {
  name: string;
  unit: string;
  description: string;
  kind: "counter" | "updown" | "gauge" | "histogram";
  from: string;
  step: string;
  steps: number;
  partial?: boolean;
  omitted?: number;
  series: { service?: string; attributes: Record<string, string>; values: (number | null)[]; total?: number; p50?: number | null; p90?: number | null; p99?: number | null }[];
  labels: { key: string; count: number; values: string[] }[];
  bounds?: (number | null)[];
  heat?: [number, number, number][];
  p50?: (number | null)[];
  p90?: (number | null)[];
  p99?: (number | null)[];
  exemplars: Exemplar[];
}

// Marker is something that happened to what is watched: a start, a reload.
export interface Marker { time: string; run: string; name: string; text: string }

export interface InFlight { count: number; partial?: boolean; spans: { traceId: string; spanId: string; parentSpanId?: string; service: string; name: string; start: string }[] }

export interface Fact { name: string; value?: string; problem?: string }
export interface Component { name: string; source: string; service?: string; grants: Fact[]; limits: Fact[]; instances: Fact[]; exports: Fact[] }
export interface Workload {
  id: string;
  state: string;
  since: string;
  triggers: { type: string; detail?: string; chain?: string[]; component?: string }[];
  components: Component[];
  calls: { from: string; to?: string; interface: string; functions: number }[];
}
export interface Traffic { kind: "event" | "host" | "guest" | "client" | "service"; from?: string; to?: string; interface?: string; count: number; errors: number; rate: number; p50: number | null; p99: number | null }
export interface ComponentMap { workloads: Workload[]; traffic: Traffic[]; seconds: number }
