import assert from "node:assert/strict";
import { test } from "node:test";
import { ValueType } from "@opentelemetry/api";
import { AggregationType } from "@opentelemetry/sdk-metrics";
import { start } from "../dist/index.js";
import { fakeHost, nanos, values } from "./host.mjs";

const setup = (kind, over, options) => {
  const host = fakeHost(kind, over);
  const otel = start(host, { register: false, ...options });
  return { otel, host, calls: host.calls, meter: otel.meterProvider.getMeter("m", "1") };
};
const named = (m) => Object.fromEntries(m.scopeMetrics.flatMap((s) => s.metrics).map((x) => [x.name, x]));
const points = (x) => x.data.val.dataPoints;

for (const kind of ["bigint", "number"]) {
  const int = (n) => (kind === "bigint" ? BigInt(n) : n);
  test(`every kind, integers as ${kind}`, () => {
    const { otel, calls, meter } = setup(kind, {}, { views: [{ instrumentName: "eh", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }] });
    meter.createCounter("ci", { valueType: ValueType.INT, unit: "{x}", description: "of x" }).add(2, { a: "b" });
    meter.createCounter("cd").add(1.5);
    meter.createUpDownCounter("ui", { valueType: ValueType.INT }).add(-3);
    meter.createUpDownCounter("ud").add(-0.5);
    meter.createGauge("gi", { valueType: ValueType.INT }).record(-7);
    meter.createGauge("gd").record(0.25);
    const h = meter.createHistogram("hd", { advice: { explicitBucketBoundaries: [1, 10] } });
    for (const v of [0.5, 5, 50]) h.record(v);
    meter.createHistogram("hi", { valueType: ValueType.INT, advice: { explicitBucketBoundaries: [] } }).record(4);
    const e = meter.createHistogram("eh");
    for (const v of [1, 2, 0, 4]) e.record(v);
    assert.ok(otel.flushNow());
    const got = named(calls.metrics[0]);
    assert.deepEqual(calls.metrics[0].scopeMetrics[0].scope, { name: "m", version: "1", attributes: [] });
    assert.deepEqual(calls.metrics[0].resource, { attributes: [] });
    assert.deepEqual([got.ci.unit, got.ci.description], ["{x}", "of x"]);
    for (const [name, tag, value, monotonic] of [
      ["ci", "u64-sum", { tag: "u64", val: int(2) }, true],
      ["cd", "f64-sum", { tag: "f64", val: 1.5 }, true],
      ["ui", "s64-sum", { tag: "s64", val: int(-3) }, false],
      ["ud", "f64-sum", { tag: "f64", val: -0.5 }, false],
      ["gi", "s64-gauge", { tag: "s64", val: int(-7) }, undefined],
      ["gd", "f64-gauge", { tag: "f64", val: 0.25 }, undefined],
    ]) {
      const x = got[name];
      assert.equal(x.data.tag, tag);
      assert.deepEqual(points(x)[0].value, value);
      assert.equal(x.data.val.isMonotonic, monotonic);
      assert.ok(nanos(x.data.val.startTime) <= nanos(x.data.val.time));
    }
    assert.deepEqual(values(points(got.ci)[0].attributes), { a: "b" });
    assert.equal(got.hd.data.tag, "f64-histogram");
    assert.deepEqual(points(got.hd)[0], {
      attributes: [], count: int(3), bounds: [1, 10], bucketCounts: [int(1), int(1), int(1)], sum: { tag: "f64", val: 55.5 }, min: { tag: "f64", val: 0.5 }, max: { tag: "f64", val: 50 }, exemplars: [],
    });
    assert.deepEqual([got.hi.data.tag, points(got.hi)[0].sum, points(got.hi)[0].bucketCounts], ["s64-histogram", { tag: "s64", val: int(4) }, [int(1)]]);
    const p = points(got.eh)[0];
    assert.equal(got.eh.data.tag, "f64-exponential-histogram");
    assert.deepEqual([p.count, p.zeroCount, p.sum, p.min, p.max], [int(4), int(1), { tag: "f64", val: 7 }, { tag: "f64", val: 0 }, { tag: "f64", val: 4 }]);
    assert.equal(Number(p.positiveBucket.counts.reduce((a, b) => a + b)), 3);
    assert.equal(otel.stats.points, 9);
  });
}

test("delta by default, cumulative if asked for", () => {
  for (const [temporality, second] of [["delta", 2n], ["cumulative", 5n]]) {
    const { otel, calls, meter } = setup("bigint", {}, { metrics: { temporality } });
    const c = meter.createCounter("c", { valueType: ValueType.INT });
    c.add(3);
    otel.flushNow();
    c.add(2);
    otel.flushNow();
    assert.equal(points(named(calls.metrics[1]).c)[0].value.val, second);
    assert.equal(named(calls.metrics[1]).c.data.val.temporality, temporality);
  }
});

test("nothing measured is nothing handed over", async () => {
  const { otel, calls, meter } = setup();
  meter.createCounter("c");
  otel.flushNow();
  await otel.flush();
  assert.deepEqual(calls.metrics, []);
});

test("observable instruments are read by flush", async () => {
  const { otel, calls, meter } = setup();
  meter.createObservableGauge("g").addCallback((r) => r.observe(5, { a: 1 }));
  meter.createCounter("c").add(1);
  await otel.request(async () => {});
  assert.deepEqual(Object.keys(named(calls.metrics[0])).sort(), ["c", "g"]);
});

test("metrics go with a request, however it ends", async () => {
  const { otel, calls, meter } = setup();
  const c = meter.createCounter("c", { valueType: ValueType.INT });
  otel.request(() => c.add(1));
  assert.equal(calls.metrics.length, 1);
  assert.throws(() => otel.request(() => { c.add(1); throw new Error("x"); }), /x/);
  assert.equal(calls.metrics.length, 2);
  await otel.request(async () => { await null; c.add(1); });
  await assert.rejects(otel.request(async () => { await null; c.add(1); throw new Error("y"); }), /y/);
  assert.equal(calls.metrics.length, 4);
});

test("an export is bounded, and what is more is counted", () => {
  const { otel, calls, meter } = setup("bigint", {}, { metrics: { maxPoints: 10 } });
  const [a, b] = [meter.createCounter("a"), meter.createCounter("b")];
  for (let i = 0; i < 8; i++) [a, b].forEach((c) => c.add(1, { i }));
  otel.flushNow();
  assert.deepEqual(calls.metrics[0].scopeMetrics[0].metrics.map((x) => points(x).length), [8, 2]);
  assert.deepEqual([otel.stats.points, otel.stats.dropped], [10, 6]);
});

test("a host that refuses metrics, and none", async () => {
  const refusing = setup("bigint", { metrics: { export() { throw Object.assign(new Error("err"), { payload: "queue is full" }); } } });
  refusing.meter.createCounter("c").add(1);
  assert.ok(refusing.otel.flushNow());
  assert.deepEqual([refusing.otel.stats.failed, refusing.otel.stats.points], [1, 0]);
  const none = setup("bigint", { metrics: undefined });
  none.meter.createCounter("c").add(1);
  await none.otel.meterProvider.forceFlush();
  await none.otel.meterProvider.shutdown();
  assert.equal(none.otel.stats.dropped, 1);
});
