// A host for tests: it keeps what it is told, and its clock and random numbers are given.
export const outer = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "00f067aa0ba902b7", traceFlags: { sampled: true }, isRemote: false, traceState: [["a", "1"], ["b", "2"]] };

/** kind is how the engine hands over 64-bit integers. */
export function fakeHost(kind = "bigint", over = {}) {
  const int = (n) => (kind === "bigint" ? BigInt(n) : n);
  const calls = { started: [], ended: [], logs: [], metrics: [], asked: 0 };
  const clock = {
    step: 1_000,
    at: undefined, // nanoseconds since 1970 as bigint; undefined: the system's
    now() {
      if (clock.at === undefined) {
        const ms = Date.now();
        return { seconds: int(Math.trunc(ms / 1000)), nanoseconds: (ms % 1000) * 1e6 + 123_456 };
      }
      clock.at += BigInt(clock.step);
      return { seconds: int(Number(clock.at / 1_000_000_000n)), nanoseconds: Number(clock.at % 1_000_000_000n) };
    },
  };
  let seed = 0x9e3779b97f4a7c15n;
  const random = {
    getRandomU64() {
      seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
      return kind === "bigint" ? seed : Number(seed);
    },
  };
  return {
    calls,
    tracing: {
      onStart: (c) => calls.started.push(c),
      onEnd: (s) => calls.ended.push(s),
      outerSpanContext() {
        calls.asked++;
        return outer;
      },
    },
    logs: { onEmit: (r) => calls.logs.push(r) },
    metrics: { export: (m) => calls.metrics.push(m) },
    clock,
    random,
    ...over,
  };
}

/** The attributes as an object of parsed values. */
export function values(attributes) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, JSON.parse(value)]));
}

export function nanos(t) {
  return BigInt(t.seconds) * 1_000_000_000n + BigInt(t.nanoseconds);
}
