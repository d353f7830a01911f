import { ROOT_CONTEXT, TraceFlags, createTraceState, trace, type Context, type ContextManager, type SpanContext } from "@opentelemetry/api";
import type { WitSpanContext } from "./imports.js";
import type { Link } from "./link.js";

/** The host's span around the call, as a parent: undefined without the import, or where the host has none. */
export function hostSpanContext(link: Link): SpanContext | undefined {
  const { tracing } = link.host;
  const ask = tracing?.currentSpanContext ?? tracing?.outerSpanContext;
  if (!ask) return undefined;
  const c = link.call("span-context of the host", () => ask.call(tracing), undefined);
  return c && fromWit(c);
}

// Some hosts leave out leading zeros.
function identifier(text: string, length: number): string | undefined {
  if (!/^[0-9a-fA-F]+$/.test(text) || text.length > length || /^0*$/.test(text)) return undefined;
  return text.toLowerCase().padStart(length, "0");
}

function fromWit(c: WitSpanContext): SpanContext | undefined {
  const traceId = identifier(c.traceId, 32);
  const spanId = identifier(c.spanId, 16);
  if (!traceId || !spanId) return undefined;
  const out: SpanContext = { traceId, spanId, traceFlags: c.traceFlags?.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: c.isRemote };
  if (c.traceState?.length) out.traceState = createTraceState(c.traceState.map(([k, v]) => `${k}=${v}`).join(","));
  return out;
}

/**
 * A context manager for engines without AsyncLocalStorage. A context is active while the function that `with` calls runs, until it returns or
 * first awaits; what is behind an await has to name its context. During a request, where no context is active, it is the host's span: a span
 * that is started there without a parent belongs to the request's trace rather than to one of its own.
 */
export class HostContextManager implements ContextManager {
  readonly #link: Link;
  #stack: Context[] = [];

  constructor(link: Link) {
    this.#link = link;
  }

  active(): Context {
    return this.#stack[this.#stack.length - 1] ?? this.host();
  }

  /** The host's span as a context; the root context outside a request, when a host must not be asked. */
  host(): Context {
    const c = this.#link.requests > 0 ? hostSpanContext(this.#link) : undefined;
    return c ? trace.setSpanContext(ROOT_CONTEXT, c) : ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(context: Context, fn: F, thisArg?: ThisParameterType<F>, ...args: A): ReturnType<F> {
    this.#stack.push(context);
    try {
      return fn.call(thisArg as never, ...args);
    } finally {
      this.#stack.pop();
    }
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== "function") return target;
    const manager = this;
    return function (this: unknown, ...args: unknown[]) {
      return manager.with(context, target as unknown as (...args: unknown[]) => unknown, this as never, ...args);
    } as unknown as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#stack = [];
    return this;
  }
}
