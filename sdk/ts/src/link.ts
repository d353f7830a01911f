import { diag, type HrTime } from "@opentelemetry/api";
import type { Datetime, Host, Int64, Int64Kind, WitResource, WitScope } from "./imports.js";
import { toKeyValues, wellFormed } from "./value.js";

/** What has become of a component's telemetry, as counts since its instance began. */
export interface Stats {
  /** Spans that were started and recorded. */
  started: number;
  /** Spans that were handed over to the host. */
  ended: number;
  /** Spans that ended outside any request: handed over, though a host may already have reported them as unfinished. */
  late: number;
  /** Spans that were open at the end of a request. A host reports them as unfinished; this package cannot. */
  unfinished: number;
  /** Log records that were handed over. */
  logs: number;
  /** Data points that were handed over. */
  points: number;
  /** Spans, log records and data points that went nowhere: there is no import for them, or they were too many. */
  dropped: number;
  /** Calls of the host that have failed. */
  failed: number;
}

/** The host, and what all signals need of it. Its methods never throw. */
export class Link {
  readonly stats: Stats = { started: 0, ended: 0, late: 0, unfinished: 0, logs: 0, points: 0, dropped: 0, failed: 0 };
  /** Requests that are under way, see Otel.request. */
  requests = 0;
  #kind: Int64Kind | undefined;

  constructor(readonly host: Host) {
    this.#kind = host.int64;
  }

  /** Calls the host; false, or what otherwise says, if that fails. */
  call<T>(what: string, f: () => T, otherwise: T): T {
    try {
      return f();
    } catch (e) {
      this.stats.failed++;
      diag.warn(`wasi:otel: ${what} failed: ${reason(e)}`);
      return otherwise;
    }
  }

  /** The time, or undefined without a clock. */
  now(): HrTime | undefined {
    const { clock } = this.host;
    if (!clock) return undefined;
    return this.call("wall-clock now", () => {
      const t = clock.now();
      this.#kind ??= kindOf(t.seconds);
      return [Number(t.seconds), t.nanoseconds] as HrTime;
    }, undefined);
  }

  /** n as a 64-bit integer: rounded towards zero, and within the bounds of u64 or s64. */
  int64(n: number, signed: boolean): Int64 {
    const kind = (this.#kind ??= this.#detect());
    if (Number.isNaN(n)) n = 0;
    n = Math.trunc(n);
    if (kind === "bigint") {
      if (!signed) return n <= 0 ? 0n : n >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(n);
      return n >= 2 ** 63 ? 2n ** 63n - 1n : n < -(2 ** 63) ? -(2n ** 63n) : BigInt(n);
    }
    // As numbers the highest values that are within the bounds are below them by the distance of doubles there.
    const [low, high] = signed ? [-(2 ** 63), 2 ** 63 - 1024] : [0, 2 ** 64 - 2048];
    return Math.min(Math.max(n, low), high) + 0;
  }

  #detect(): Int64Kind {
    const { clock, random } = this.host;
    if (clock) return this.call("wall-clock now", () => kindOf(clock.now().seconds), "bigint");
    if (random) return this.call("get-random-u64", () => kindOf(random.getRandomU64()), "bigint");
    return "bigint";
  }

  datetime(t: HrTime): Datetime {
    let [seconds, nanoseconds] = t;
    if (!(seconds >= 0)) return { seconds: this.int64(0, false), nanoseconds: 0 }; // nothing is before 1970 there
    seconds = Math.floor(seconds);
    nanoseconds = Math.min(Math.max(Math.round(nanoseconds) || 0, 0), 999_999_999);
    return { seconds: this.int64(seconds, false), nanoseconds };
  }
}

function kindOf(n: Int64): Int64Kind {
  return typeof n === "bigint" ? "bigint" : "number";
}

function reason(e: unknown): string {
  const payload = e !== null && typeof e === "object" && "payload" in e ? e.payload : e;
  return String(payload);
}

/** What the SDKs call an instrumentation scope. */
export interface Scope {
  name: string;
  version?: string;
  schemaUrl?: string;
  attributes?: object;
}

export function toScope(s: Scope): WitScope {
  const out: WitScope = { name: wellFormed(s.name ?? ""), attributes: toKeyValues(s.attributes) };
  if (s.version) out.version = wellFormed(s.version);
  if (s.schemaUrl) out.schemaUrl = wellFormed(s.schemaUrl);
  return out;
}

export function toResource(r: { attributes: object; schemaUrl?: string }): WitResource {
  const out: WitResource = { attributes: toKeyValues(r.attributes) };
  if (r.schemaUrl) out.schemaUrl = wellFormed(r.schemaUrl);
  return out;
}

/** t with the digits below a millisecond of now, if t is the same millisecond: what the SDKs took from Date.now. */
export function refine(t: HrTime, now: HrTime | undefined): HrTime {
  if (!now || t[0] !== now[0] || t[1] % 1_000_000 !== 0) return t;
  return Math.trunc(t[1] / 1_000_000) === Math.trunc(now[1] / 1_000_000) ? now : t;
}
