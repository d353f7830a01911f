import assert from "node:assert/strict";
import { test } from "node:test";
import { ROOT_CONTEXT, createContextKey, trace } from "@opentelemetry/api";
import { HostContextManager, Link, hostSpanContext, start } from "../dist/index.js";
import { fakeHost, outer } from "./host.mjs";

const tracing = (answer) => ({ tracing: { onStart() {}, onEnd() {}, outerSpanContext: answer } });
const key = createContextKey("k");

for (const [name, c, want] of [
  ["as it is", outer, ["0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"]],
  ["without leading zeros", { ...outer, traceId: "af7651916cd43dd8448eb211c80319c", spanId: "f067aa0ba902b7" }, ["0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"]],
  ["in upper case", { ...outer, traceId: outer.traceId.toUpperCase() }, [outer.traceId, outer.spanId]],
  ["empty", { ...outer, traceId: "", spanId: "" }, undefined],
  ["a zero", { ...outer, traceId: "0", spanId: "0" }, undefined],
  ["zeros", { ...outer, traceId: "0".repeat(32), spanId: "0".repeat(16) }, undefined],
  ["too long", { ...outer, traceId: "1".repeat(33) }, undefined],
  ["no digits", { ...outer, spanId: "xyz" }, undefined],
]) {
  test(`the host's span, ${name}`, () => {
    const got = hostSpanContext(new Link(tracing(() => c)));
    assert.deepEqual(got && [got.traceId, got.spanId], want);
    if (got) assert.equal(got.traceState?.serialize(), "a=1,b=2");
  });
}

test("current-span-context is asked where the host has it", () => {
  const { tracing } = fakeHost();
  const current = { ...outer, spanId: "1111111111111111" };
  assert.equal(hostSpanContext(new Link({ tracing: { ...tracing, outerSpanContext: undefined, currentSpanContext: () => current } }))?.spanId, current.spanId);
  assert.equal(hostSpanContext(new Link({})), undefined);
  assert.equal(hostSpanContext(new Link(tracingThatFails())), undefined);
});

function tracingThatFails() {
  return tracing(() => {
    throw new Error("no");
  });
}

test("a context is active until its function returns, throws or awaits", async () => {
  const m = new HostContextManager(new Link({}));
  const [a, b] = [ROOT_CONTEXT.setValue(key, "a"), ROOT_CONTEXT.setValue(key, "b")];
  const at = () => m.active().getValue(key);
  m.with(a, () => {
    m.with(b, () => assert.equal(at(), "b"));
    assert.throws(() => m.with(b, () => { throw new Error("x"); }));
    assert.equal(at(), "a");
  });
  assert.equal(at(), undefined);
  await m.with(a, async () => {
    assert.equal(at(), "a");
    await null;
    assert.equal(at(), undefined);
  });
  assert.equal(m.with(a, function (x) { return [this.y, x]; }, { y: 1 }, 2).join(), "1,2");
  assert.equal(m.bind(a, at)(), "a");
  assert.equal(m.bind(a, 7), 7);
});

test("behind an await a span without a parent is the host span's child, during a request", async () => {
  const host = fakeHost();
  const otel = start(host, { register: false });
  const tracer = otel.tracerProvider.getTracer("t");
  const under = () => {
    const ctx = otel.contextManager.active();
    return trace.getSpanContext(ctx)?.spanId;
  };
  assert.equal(under(), undefined);
  assert.equal(host.calls.asked, 0, "a host is not asked outside a request");
  await otel.request(async () => {
    await null;
    assert.equal(under(), outer.spanId);
    tracer.startSpan("s", {}, otel.contextManager.active()).end();
  });
  assert.equal(host.calls.ended[0].parentSpanId, outer.spanId);
  assert.equal(under(), undefined);
});

test("explicit contexts keep 16 overlapping requests apart", async () => {
  let request = 0;
  const of = (n) => ({ ...outer, traceId: n.toString(16).padStart(32, "0"), spanId: n.toString(16).padStart(16, "0") });
  const host = fakeHost("bigint");
  host.tracing.outerSpanContext = () => of(request);
  const otel = start(host, { register: false });
  const pause = () => new Promise((r) => setImmediate(r));
  const all = [];
  for (let n = 1; n <= 16; n++) {
    request = n;
    all.push(otel.request((ctx) => otel.span(`a${n}`, { parent: ctx }, async (_, a) => {
      await pause();
      await otel.span(`b${n}`, { parent: a }, async (_, b) => {
        await pause();
        otel.span(`c${n}`, { parent: b }, () => 1);
      });
    })));
  }
  await Promise.all(all);
  const by = Object.fromEntries(host.calls.ended.map((s) => [s.name, s]));
  for (let n = 1; n <= 16; n++) {
    assert.equal(by[`a${n}`].parentSpanId, of(n).spanId);
    assert.equal(by[`b${n}`].parentSpanId, by[`a${n}`].spanContext.spanId);
    assert.equal(by[`c${n}`].parentSpanId, by[`b${n}`].spanContext.spanId);
    assert.equal(by[`c${n}`].spanContext.traceId, of(n).traceId);
  }
});
