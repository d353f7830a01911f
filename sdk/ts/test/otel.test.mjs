import assert from "node:assert/strict";
import { test } from "node:test";
import { context, metrics, trace } from "@opentelemetry/api";
import { logs } from "@opentelemetry/api-logs";
import { start } from "../dist/index.js";
import { fakeHost, values } from "./host.mjs";

const setup = (over) => {
  const host = fakeHost("bigint", over);
  return { host, calls: host.calls, otel: start(host, { register: false, name: "test" }) };
};

test("a span around work", async () => {
  const { otel, calls } = setup();
  assert.equal(otel.span("sync", { attributes: { a: 1 } }, () => 7), 7);
  assert.equal(await otel.span("async", async () => 8), 8);
  otel.span("outer", () => otel.span("inner", () => {}));
  const by = Object.fromEntries(calls.ended.map((s) => [s.name, s]));
  assert.equal(by.inner.parentSpanId, by.outer.spanContext.spanId);
  assert.equal(by.sync.instrumentationScope.name, "test");
  assert.deepEqual(values(by.sync.attributes), { a: 1 });
});

for (const [name, run] of [
  ["throws", async (otel) => otel.span("s", () => { throw new TypeError("broken"); })],
  ["rejects", (otel) => otel.span("s", async () => { throw new TypeError("broken"); })],
]) {
  test(`work that ${name} is told and goes on`, async () => {
    const { otel, calls } = setup();
    await assert.rejects(run(otel), TypeError);
    const [s] = calls.ended;
    assert.deepEqual(s.status, { tag: "error", val: "broken" });
    assert.equal(s.events[0].name, "exception");
    const { "exception.stacktrace": stack, ...rest } = values(s.events[0].attributes);
    assert.deepEqual(rest, { "exception.type": "TypeError", "exception.message": "broken" });
    assert.equal(calls.ended.length, 1);
  });
}

test("what is thrown may be anything", () => {
  for (const e of ["text", undefined, null, 5, { tag: "closed" }]) {
    const { otel, calls } = setup();
    assert.throws(() => otel.span("s", () => { throw e; }), (got) => got === e);
    assert.equal(calls.ended[0].status.tag, "error");
  }
});

test("spans that are open at the end of a request, and that end behind it, are counted", () => {
  const { otel, calls } = setup();
  const tracer = otel.tracerProvider.getTracer("t");
  let left;
  otel.request(() => {
    left = tracer.startSpan("left");
    tracer.startSpan("ended").end();
  });
  assert.deepEqual([otel.stats.unfinished, otel.stats.late], [1, 0]);
  left.end();
  assert.deepEqual([otel.stats.unfinished, otel.stats.late, otel.stats.ended], [1, 1, 2]);
  assert.equal(calls.ended.length, 2);
});

test("starting calls nothing of the host", () => {
  const never = () => assert.fail("called");
  start({ tracing: { onStart: never, onEnd: never, outerSpanContext: never }, logs: { onEmit: never }, metrics: { export: never }, clock: { now: never }, random: { getRandomU64: never } }, { register: false });
});

test("without a host everything does nothing", async () => {
  const otel = start({}, { register: false });
  const meter = otel.meterProvider.getMeter("m");
  const got = await otel.request(async (ctx) => {
    meter.createCounter("c").add(1);
    otel.loggerProvider.getLogger("l").emit({ body: "x", context: ctx });
    return otel.span("s", { parent: ctx }, async (span) => {
      span.addEvent("e");
      await null;
      return otel.span("t", () => 3);
    });
  });
  assert.equal(got, 3);
  await otel.flush();
  await otel.tracerProvider.forceFlush();
  await otel.tracerProvider.shutdown();
  await otel.meterProvider.shutdown();
  await otel.loggerProvider.shutdown();
  otel.span("after shutdown", () => 1);
  const { started, ended, dropped, failed } = otel.stats;
  assert.deepEqual([started >= 2, ended, dropped >= 4, failed], [true, 0, true, 0]);
});

test("providers become those of the API", () => {
  const host = fakeHost();
  const otel = start(host);
  try {
    otel.request(() => trace.getTracer("api").startActiveSpan("s", (span) => {
      logs.getLogger("api").emit({ body: "in it" });
      metrics.getMeter("api").createCounter("c").add(1);
      trace.getTracer("api").startSpan("child").end();
      span.end();
    }));
    const [child, s] = host.calls.ended;
    assert.equal(child.parentSpanId, s.spanContext.spanId);
    assert.equal(host.calls.logs[0].spanId, s.spanContext.spanId);
    assert.equal(host.calls.metrics.length, 1);
  } finally {
    for (const api of [context, trace, metrics, logs]) api.disable();
  }
});
