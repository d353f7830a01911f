import { SpanStatusCode, context, metrics, trace, type Attributes, type Context, type Span, type SpanOptions } from "@opentelemetry/api";
import { logs } from "@opentelemetry/api-logs";
import { emptyResource, resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, type ViewOptions } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, type Sampler, type SpanLimits } from "@opentelemetry/sdk-trace-base";
import { HostContextManager } from "./context.js";
import { HostIdGenerator } from "./ids.js";
import type { Host } from "./imports.js";
import { Link, type Stats } from "./link.js";
import { HostLogRecordProcessor } from "./logs.js";
import { HostMetricReader, type MetricOptions } from "./metrics.js";
import { HostSpanProcessor } from "./trace.js";

/** Options of start. */
export interface Options {
  /** The name of the tracer that `span` uses. "component" by default. */
  name?: string;
  /** What log records and metrics say of the component beside what the host knows of it. Nothing by default. */
  resource?: Attributes;
  /** Which spans are recorded. By default those whose parent is sampled, and every root: the host decides by its own span. */
  sampler?: Sampler;
  /** Limits of a span: the SDK's, 128 attributes, events and links each, by default. */
  spanLimits?: SpanLimits;
  /** How metrics are read. */
  metrics?: MetricOptions;
  /** Views of metrics: other buckets, fewer attributes. */
  views?: ViewOptions[];
  /** Whether the providers become those of @opentelemetry/api. True by default. */
  register?: boolean;
}

/** What `span` takes beside a name. */
export interface ActiveSpanOptions extends SpanOptions {
  /** The context whose span is the parent; by default the active one. */
  parent?: Context;
}

/** Work within a span. Behind an `await` use ctx, which is the context of the span: the active one is not known there any more. */
export type Work<T> = (span: Span, ctx: Context) => T;

/** The telemetry of a component, see start. */
export class Otel {
  readonly tracerProvider: BasicTracerProvider;
  readonly loggerProvider: LoggerProvider;
  readonly meterProvider: MeterProvider;
  readonly contextManager: HostContextManager;
  readonly #link: Link;
  readonly #name: string;
  readonly #spans: HostSpanProcessor;
  readonly #reader: HostMetricReader;

  constructor(host: Host, options: Options) {
    const link = (this.#link = new Link(host));
    this.#name = options.name ?? "component";
    this.#spans = new HostSpanProcessor(link);
    this.#reader = new HostMetricReader(link, options.metrics);
    this.contextManager = new HostContextManager(link);
    const resource = options.resource ? resourceFromAttributes(options.resource) : emptyResource();
    this.tracerProvider = new BasicTracerProvider({
      resource,
      idGenerator: new HostIdGenerator(link),
      spanProcessors: [this.#spans],
      ...(options.sampler ? { sampler: options.sampler } : {}),
      ...(options.spanLimits ? { spanLimits: options.spanLimits } : {}),
    });
    this.loggerProvider = new LoggerProvider({ resource, processors: [new HostLogRecordProcessor(link)] });
    this.meterProvider = new MeterProvider({ resource, readers: [this.#reader], ...(options.views ? { views: options.views } : {}) });
  }

  /** Counts of what has become of the telemetry. */
  get stats(): Readonly<Stats> {
    return { ...this.#link.stats };
  }

  /**
   * Serves a request: f runs with the host's span as the active context, and metrics are handed over behind it. If f returns a promise, they
   * are when it settles. What f returns or throws is what request returns or throws. Requests may overlap.
   */
  request<T>(f: (ctx: Context) => T): T {
    const link = this.#link;
    const open = this.#spans.open;
    link.requests++;
    const done = () => {
      link.requests--;
      link.stats.unfinished += link.requests > 0 ? 0 : Math.max(this.#spans.open - open, 0);
    };
    let out: T;
    try {
      const ctx = this.contextManager.host();
      out = this.contextManager.with(ctx, () => f(ctx));
    } catch (e) {
      this.#reader.flushNow();
      done();
      throw e;
    }
    if (!isPromise(out)) {
      if (!this.#reader.flushNow()) void this.#reader.flush();
      done();
      return out;
    }
    return out.then(
      async (v) => {
        await this.#reader.flush();
        done();
        return v as unknown;
      },
      async (e) => {
        await this.#reader.flush();
        done();
        throw e;
      },
    ) as T;
  }

  /**
   * Does work within a span, which is active meanwhile (until the work first awaits) and ends with it: when it returns or throws, or when its
   * promise settles. What it throws becomes an exception event and the status error, and is thrown on.
   */
  span<T>(name: string, f: Work<T>): T;
  span<T>(name: string, options: ActiveSpanOptions, f: Work<T>): T;
  span<T>(name: string, ...rest: [Work<T>] | [ActiveSpanOptions, Work<T>]): T {
    const [options, f] = rest.length === 1 ? [{} as ActiveSpanOptions, rest[0]] : rest;
    const parent = options.parent ?? this.contextManager.active();
    const span = this.tracerProvider.getTracer(this.#name).startSpan(name, options, parent);
    const ctx = trace.setSpan(parent, span);
    const fail = (e: unknown): never => {
      span.recordException(e instanceof Error ? e : String(e));
      span.setStatus({ code: SpanStatusCode.ERROR, message: e instanceof Error ? e.message : String(e) });
      span.end();
      throw e;
    };
    let out: T;
    try {
      out = this.contextManager.with(ctx, () => f(span, ctx));
    } catch (e) {
      return fail(e);
    }
    if (isPromise(out)) {
      return out.then((v) => (span.end(), v as unknown), fail) as T;
    }
    span.end();
    return out;
  }

  /** Hands over what was measured; spans and log records are handed over when they end. Request does so by itself. */
  flush(): Promise<void> {
    return this.#reader.flush();
  }

  /** The same without promises: false if that is not possible, see HostMetricReader.flushNow. */
  flushNow(): boolean {
    return this.#reader.flushNow();
  }
}

function isPromise(v: unknown): v is Promise<unknown> {
  return v !== null && typeof v === "object" && typeof (v as { then?: unknown }).then === "function";
}

/**
 * Sets up OpenTelemetry for a component: providers of spans, log records and metrics that hand over to the host, registered with
 * @opentelemetry/api. It calls nothing of the host, so that it may run while the component is initialised at build time.
 */
export function start(host: Host, options: Options = {}): Otel {
  const otel = new Otel(host, options);
  if (options.register !== false) {
    context.setGlobalContextManager(otel.contextManager);
    trace.setGlobalTracerProvider(otel.tracerProvider);
    metrics.setGlobalMeterProvider(otel.meterProvider);
    logs.setGlobalLoggerProvider(otel.loggerProvider);
  }
  return otel;
}
