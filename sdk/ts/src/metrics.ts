import { ValueType, diag, type HrTime } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, MetricReader, type DataPoint, type ExponentialHistogram, type Histogram, type MetricData, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { NumberCase, WitHistogram, WitExponentialHistogram, WitMetric, WitMetricData, WitNumber, WitPoint, WitResourceMetrics, WitTemporality } from "./imports.js";
import { toResource, toScope, type Link } from "./link.js";
import { toKeyValues, wellFormed } from "./value.js";

/** Options of HostMetricReader. */
export interface MetricOptions {
  /**
   * "delta" (the default) is right wherever instances are short: each export holds what has happened since the last one. "cumulative" is what
   * a component may use whose instance serves for long.
   */
  temporality?: "delta" | "cumulative";
  /** How many data points one export may have; what is more is dropped and counted. 10 000 by default. */
  maxPoints?: number;
}

/** What flushNow needs of the SDK's collector, in which reading is synchronous below a layer of promises. */
interface SharedState {
  resource: ResourceMetrics["resource"];
  meterSharedStates: Map<string, Meter>;
}

interface Meter {
  _instrumentationScope: ResourceMetrics["scopeMetrics"][number]["scope"];
  observableRegistry?: { _callbacks?: unknown[]; _batchCallbacks?: unknown[] };
  metricStorageRegistry: { getStorages(collector: unknown): { collect(collector: unknown, time: HrTime): MetricData | undefined }[] };
}

/** Hands over what was measured when it is told to, by `flush` or `flushNow`: a host cannot ask a component for it. It has no timer. */
export class HostMetricReader extends MetricReader {
  readonly #link: Link;
  readonly #maxPoints: number;
  #collector: unknown;

  constructor(link: Link, options: MetricOptions = {}) {
    const temporality = options.temporality === "cumulative" ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA;
    super({ aggregationTemporalitySelector: () => temporality });
    this.#link = link;
    this.#maxPoints = options.maxPoints ?? 10_000;
  }

  override setMetricProducer(producer: Parameters<MetricReader["setMetricProducer"]>[0]): void {
    this.#collector = producer;
    super.setMetricProducer(producer);
  }

  /**
   * Hands over what was measured, without promises: engines that run no promise jobs in a synchronous call (QuickJS with WASI 0.2) could not
   * wait for one. Observable instruments have nothing to tell here, as the SDK runs their callbacks in promises only: `flush` reads them, too.
   * It says false, and does nothing, where the SDK's parts are not those that it knows.
   */
  flushNow(): boolean {
    const shared = this.#shared();
    if (!shared) return false;
    const time: HrTime = this.#link.now() ?? millis(Date.now());
    const scopeMetrics = [...shared.meterSharedStates.values()].map((m) => {
      const all = m.metricStorageRegistry.getStorages(this.#collector).map((s) => s.collect(this.#collector, time));
      return { scope: m._instrumentationScope, metrics: all.filter((d) => d !== undefined && d !== null) as MetricData[] };
    });
    this.#export({ resource: shared.resource, scopeMetrics });
    return true;
  }

  /** Hands over what was measured, by observable instruments, too. */
  async flush(): Promise<void> {
    const shared = this.#shared();
    const observable = (m: Meter) => m.observableRegistry?._callbacks?.length || m.observableRegistry?._batchCallbacks?.length;
    if (shared && ![...shared.meterSharedStates.values()].some(observable) && this.flushNow()) return;
    try {
      const { resourceMetrics, errors } = await this.collect();
      for (const e of errors) diag.warn(`wasi:otel: an observable instrument failed: ${String(e)}`);
      this.#export(resourceMetrics);
    } catch (e) {
      this.#link.stats.failed++;
      diag.warn(`wasi:otel: metrics were not collected: ${String(e)}`);
    }
  }

  #shared(): SharedState | undefined {
    const shared = (this.#collector as { _sharedState?: SharedState } | undefined)?._sharedState;
    if (!(shared?.meterSharedStates instanceof Map)) return undefined;
    const known = (m: Meter) => typeof m.metricStorageRegistry?.getStorages === "function" && m._instrumentationScope;
    return [...shared.meterSharedStates.values()].every(known) ? shared : undefined;
  }

  protected override onForceFlush(): Promise<void> {
    return this.flush();
  }

  protected override onShutdown(): Promise<void> {
    return this.flush();
  }

  #export(m: ResourceMetrics): void {
    const link = this.#link;
    const { metrics } = link.host;
    const budget = { left: this.#maxPoints, taken: 0, dropped: 0 };
    const out: WitResourceMetrics = { resource: toResource(m.resource), scopeMetrics: [] };
    for (const s of m.scopeMetrics) {
      const converted = s.metrics.map((d) => convert(link, d, budget)).filter((d) => d !== undefined);
      if (converted.length > 0) out.scopeMetrics.push({ scope: toScope(s.scope), metrics: converted });
    }
    link.stats.dropped += budget.dropped;
    if (out.scopeMetrics.length === 0) return;
    if (!metrics) {
      link.stats.dropped += budget.taken;
      return;
    }
    link.call("metrics export", () => {
      metrics.export(out);
      link.stats.points += budget.taken;
    }, undefined);
  }
}

interface Budget {
  left: number;
  taken: number;
  dropped: number;
}

function convert(link: Link, d: MetricData, budget: Budget): WitMetric | undefined {
  const points = (d.dataPoints as DataPoint<unknown>[]).slice(0, budget.left);
  budget.dropped += d.dataPoints.length - points.length;
  budget.left -= points.length;
  budget.taken += points.length;
  if (points.length === 0) return undefined;
  const { name, description, unit } = d.descriptor;
  return { name: wellFormed(name), description: wellFormed(description), unit: wellFormed(unit), data: data(link, d, points) };
}

function data(link: Link, d: MetricData, points: DataPoint<unknown>[]): WitMetricData {
  const start = link.datetime(earliest(points));
  const time = link.datetime(points[points.length - 1]!.endTime);
  const whole = d.descriptor.valueType === ValueType.INT;
  switch (d.dataPointType) {
    case DataPointType.GAUGE: {
      const of: NumberCase = whole ? "s64" : "f64";
      return { tag: `${of}-gauge`, val: { dataPoints: numbers(link, points, of), startTime: start, time } };
    }
    case DataPointType.SUM: {
      const of: NumberCase = !whole ? "f64" : d.isMonotonic ? "u64" : "s64";
      return { tag: `${of}-sum`, val: { dataPoints: numbers(link, points, of), startTime: start, time, temporality: temporality(d), isMonotonic: d.isMonotonic } };
    }
    case DataPointType.HISTOGRAM: {
      const of: NumberCase = whole ? "s64" : "f64";
      return { tag: `${of}-histogram`, val: { dataPoints: points.map((p) => histogram(link, p as DataPoint<Histogram>, of)), startTime: start, time, temporality: temporality(d) } };
    }
    case DataPointType.EXPONENTIAL_HISTOGRAM: {
      const of: NumberCase = whole ? "s64" : "f64";
      return { tag: `${of}-exponential-histogram`, val: { dataPoints: points.map((p) => exponential(link, p as DataPoint<ExponentialHistogram>, of)), startTime: start, time, temporality: temporality(d) } };
    }
  }
}

// The WIT has one start for all points. Nothing was measured between the earliest start and a point's own, so it is true of all of them.
function earliest(points: DataPoint<unknown>[]): HrTime {
  return points.map((p) => p.startTime).reduce((a, b) => (a[0] < b[0] || (a[0] === b[0] && a[1] <= b[1]) ? a : b));
}

function temporality(d: MetricData): WitTemporality {
  return d.aggregationTemporality === AggregationTemporality.DELTA ? "delta" : "cumulative";
}

function num(link: Link, n: number, of: NumberCase): WitNumber {
  return of === "f64" ? { tag: "f64", val: n } : { tag: of, val: link.int64(n, of === "s64") };
}

function numbers(link: Link, points: DataPoint<unknown>[], of: NumberCase): WitPoint[] {
  return points.map((p) => ({ attributes: toKeyValues(p.attributes), value: num(link, p.value as number, of), exemplars: [] }));
}

function histogram(link: Link, p: DataPoint<Histogram>, of: NumberCase): WitHistogram["dataPoints"][number] {
  const { buckets, count, sum, min, max } = p.value;
  return {
    attributes: toKeyValues(p.attributes),
    count: link.int64(count, false),
    bounds: [...buckets.boundaries],
    bucketCounts: buckets.counts.map((n) => link.int64(n, false)),
    ...extremes(link, count, min, max, of),
    sum: num(link, sum ?? 0, of),
    exemplars: [],
  };
}

function exponential(link: Link, p: DataPoint<ExponentialHistogram>, of: NumberCase): WitExponentialHistogram["dataPoints"][number] {
  const v = p.value;
  const bucket = (b: { offset: number; bucketCounts: number[] }) => ({ offset: b.offset, counts: b.bucketCounts.map((n) => link.int64(n, false)) });
  return {
    attributes: toKeyValues(p.attributes),
    count: link.int64(v.count, false),
    ...extremes(link, v.count, v.min, v.max, of),
    sum: num(link, v.sum ?? 0, of),
    scale: v.scale,
    zeroCount: link.int64(v.zeroCount, false),
    positiveBucket: bucket(v.positive),
    negativeBucket: bucket(v.negative),
    zeroThreshold: 0,
    exemplars: [],
  };
}

function extremes(link: Link, count: number, min: number | undefined, max: number | undefined, of: NumberCase): { min?: WitNumber; max?: WitNumber } {
  const out: { min?: WitNumber; max?: WitNumber } = {};
  if (count > 0 && min !== undefined) out.min = num(link, min, of);
  if (count > 0 && max !== undefined) out.max = num(link, max, of);
  return out;
}

function millis(ms: number): HrTime {
  return [Math.trunc(ms / 1000), Math.round((ms % 1000) * 1e6)];
}
