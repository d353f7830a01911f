import assert from "node:assert/strict";
import { test } from "node:test";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, createTraceState, trace } from "@opentelemetry/api";
import { start } from "../dist/index.js";
import { fakeHost, nanos, outer, values } from "./host.mjs";

const quiet = { register: false };
const setup = (kind, over, options) => {
  const host = fakeHost(kind, over);
  const otel = start(host, { ...quiet, ...options });
  return { host, otel, calls: host.calls, tracer: otel.tracerProvider.getTracer("lib", "1.2", { schemaUrl: "https://example.com/s" }) };
};

for (const kind of ["bigint", "number"]) {
  test(`a span with everything, integers as ${kind}`, () => {
    const { otel, calls, tracer } = setup(kind);
    const linked = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: TraceFlags.NONE, isRemote: true, traceState: createTraceState("x=1,y=2") };
    otel.request((ctx) => {
      const span = tracer.startSpan("work", {
        kind: SpanKind.PRODUCER,
        attributes: { s: "a", i: 2, d: 1.5, b: true, ss: ["x", "y"], is: [1, 2], ds: [0.5, 1.25], bs: [true, false] },
        links: [{ context: linked, attributes: { l: 1 } }],
      }, ctx);
      span.addEvent("event", { e: 1 });
      span.setStatus({ code: SpanStatusCode.ERROR, message: "broken" });
      span.end();
    });
    const [s] = calls.ended;
    assert.deepEqual(calls.started, [s.spanContext]);
    assert.equal(s.spanContext.traceId, outer.traceId);
    assert.equal(s.parentSpanId, outer.spanId);
    assert.deepEqual(s.spanContext.traceFlags, { sampled: true });
    assert.deepEqual(s.spanContext.traceState, [["a", "1"], ["b", "2"]]);
    assert.equal(s.spanKind, "producer");
    assert.deepEqual(values(s.attributes), { s: "a", i: 2, d: 1.5, b: true, ss: ["x", "y"], is: [1, 2], ds: [0.5, 1.25], bs: [true, false] });
    assert.deepEqual(s.links, [{ spanContext: { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: { sampled: false }, isRemote: true, traceState: [["x", "1"], ["y", "2"]] }, attributes: [{ key: "l", value: "1" }] }]);
    assert.deepEqual(s.status, { tag: "error", val: "broken" });
    assert.deepEqual(s.instrumentationScope, { name: "lib", version: "1.2", schemaUrl: "https://example.com/s", attributes: [] });
    assert.deepEqual(s.events.map((e) => [e.name, values(e.attributes)]), [["event", { e: 1 }]]);
    for (const t of [s.startTime, s.endTime, s.events[0].time]) assert.equal(typeof t.seconds, kind);
    assert.ok(nanos(s.startTime) <= nanos(s.events[0].time) && nanos(s.events[0].time) <= nanos(s.endTime));
    assert.deepEqual({ ...otel.stats }, { started: 1, ended: 1, late: 0, unfinished: 0, logs: 0, points: 0, dropped: 0, failed: 0 });
  });
}

test("kinds and states", () => {
  const { calls, tracer } = setup();
  for (const [kind, want] of [[SpanKind.INTERNAL, "internal"], [SpanKind.SERVER, "server"], [SpanKind.CLIENT, "client"], [SpanKind.PRODUCER, "producer"], [SpanKind.CONSUMER, "consumer"]]) {
    tracer.startSpan("s", { kind }).end();
    assert.equal(calls.ended.at(-1).spanKind, want);
  }
  for (const [status, want] of [[undefined, { tag: "unset" }], [{ code: SpanStatusCode.OK }, { tag: "ok" }], [{ code: SpanStatusCode.ERROR }, { tag: "error", val: "" }]]) {
    const s = tracer.startSpan("s");
    if (status) s.setStatus(status);
    s.end();
    assert.deepEqual(calls.ended.at(-1).status, want);
  }
});

test("times that a caller names stay, others are the clock's", () => {
  const { host, calls, tracer } = setup();
  host.clock.at = BigInt(Date.now() + 60_000) * 1_000_000n + 7_000n; // the SDK refuses an end before its own start
  const s = tracer.startSpan("own", { startTime: [100, 5] });
  s.addEvent("own", { a: 1 }, [101, 6]);
  s.addEvent("own too", [101, 7]);
  s.addEvent("a date", new Date(102_000));
  s.end([103, 8]);
  const [a] = calls.ended;
  assert.deepEqual([a.startTime, a.endTime], [{ seconds: 100n, nanoseconds: 5 }, { seconds: 103n, nanoseconds: 8 }]);
  assert.deepEqual(a.events.map((e) => [e.time.seconds, e.time.nanoseconds]), [[101n, 6], [101n, 7], [102n, 0]]);
  const before = host.clock.at;
  const t = tracer.startSpan("clock's");
  t.addEvent("clock's", { a: 1 });
  t.recordException(new Error("x"));
  t.end();
  const b = calls.ended[1];
  for (const time of [b.endTime, ...b.events.map((e) => e.time)]) assert.ok(nanos(time) > before && nanos(time) <= host.clock.at, `${nanos(time)}`);
});

test("without a clock the times are the SDK's", () => {
  const { calls, tracer } = setup("number", { clock: undefined, int64: "number" });
  const before = Date.now();
  tracer.startSpan("s").end();
  const [s] = calls.ended;
  assert.ok(s.startTime.seconds * 1000 + s.startTime.nanoseconds / 1e6 >= before);
  assert.ok(nanos(s.endTime) >= nanos(s.startTime));
});

test("roots, parents of other traces, and children", () => {
  const { calls, tracer } = setup();
  const root = tracer.startSpan("root", { root: true });
  const ctx = trace.setSpan(ROOT_CONTEXT, root);
  tracer.startSpan("child", {}, ctx).end();
  root.end();
  const [child, r] = calls.ended;
  assert.equal(r.parentSpanId, "");
  assert.equal(child.parentSpanId, r.spanContext.spanId);
  assert.equal(child.spanContext.traceId, r.spanContext.traceId);
});

test("the host's sampling decision holds for its children", () => {
  const { otel, calls } = setup("bigint", { tracing: { ...fakeHost().tracing, outerSpanContext: () => ({ ...outer, traceFlags: { sampled: false } }) } });
  otel.request(() => otel.span("s", (span) => assert.equal(span.isRecording(), false)));
  assert.deepEqual([calls.started.length, calls.ended.length, otel.stats.started], [0, 0, 0]);
});

test("what the SDK's limits leave out is told", () => {
  const { calls, tracer } = setup("bigint", {}, { spanLimits: { attributeCountLimit: 1, eventCountLimit: 1, linkCountLimit: 1 } });
  const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 0 };
  const s = tracer.startSpan("s", { attributes: { a: 1, b: 2, c: 3 }, links: [{ context }, { context }, { context }] });
  for (let i = 0; i < 4; i++) s.addEvent(`e${i}`);
  s.end();
  assert.deepEqual([calls.ended[0].droppedAttributes, calls.ended[0].droppedEvents, calls.ended[0].droppedLinks], [2, 3, 2]);
});

test("a host that fails fails nobody", () => {
  const no = () => {
    throw Object.assign(new Error("no"), { payload: "refused" });
  };
  const { otel } = setup("bigint", { tracing: { onStart: no, onEnd: no, outerSpanContext: no }, clock: { now: no }, random: { getRandomU64: no } });
  assert.equal(otel.request(() => otel.span("s", () => 1)), 1);
  assert.ok(otel.stats.failed >= 4);
  assert.equal(otel.stats.ended, 0);
});

test("spans that never end do not fill the memory", () => {
  const { calls, tracer } = setup();
  for (let i = 0; i < 10_000; i++) tracer.startSpan("s");
  tracer.startSpan("last").end();
  assert.equal(calls.ended.length, 1);
});
