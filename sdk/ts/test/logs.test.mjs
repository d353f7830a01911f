import assert from "node:assert/strict";
import { test } from "node:test";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { start } from "../dist/index.js";
import { fakeHost, outer, values } from "./host.mjs";

const setup = (over, options) => {
  const host = fakeHost("bigint", over);
  const otel = start(host, { register: false, ...options });
  return { otel, host, calls: host.calls, logger: otel.loggerProvider.getLogger("lib", "1") };
};

test("a record with everything", () => {
  const { otel, logger, calls } = setup();
  otel.request(() => otel.span("s", (_, context) => logger.emit({
    context, severityNumber: SeverityNumber.WARN2, severityText: "warn", eventName: "low", body: { a: [1, "x"] }, attributes: { n: 1, m: { b: Uint8Array.of(1) } }, timestamp: [100, 5], observedTimestamp: [101, 6],
  })));
  const [r] = calls.logs;
  const [s] = calls.ended;
  assert.deepEqual([r.severityNumber, r.severityText, r.eventName, r.body], [14, "warn", "low", '{"a":[1,"x"]}']);
  assert.deepEqual(values(r.attributes), { n: 1, m: { b: "data:application/octet-stream;base64,AQ==" } });
  assert.deepEqual([r.timestamp, r.observedTimestamp], [{ seconds: 100n, nanoseconds: 5 }, { seconds: 101n, nanoseconds: 6 }]);
  assert.deepEqual([r.traceId, r.spanId, r.traceFlags], [outer.traceId, s.spanContext.spanId, { sampled: true }]);
  assert.deepEqual(r.instrumentationScope, { name: "lib", version: "1", attributes: [] });
  assert.equal("resource" in r, false);
  assert.equal(otel.stats.logs, 1);
});

test("a record without a span has none", () => {
  const { logger, calls } = setup();
  logger.emit({ context: ROOT_CONTEXT, body: "x" });
  const [r] = calls.logs;
  assert.deepEqual([r.traceId, r.spanId, r.traceFlags, r.severityNumber, r.severityText, r.eventName], Array(6).fill(undefined));
});

test("bodies that JavaScript takes for false are bodies", () => {
  const { logger, calls } = setup();
  for (const body of [0, false, "", null, NaN, undefined]) logger.emit({ context: ROOT_CONTEXT, body });
  assert.deepEqual(calls.logs.map((r) => r.body), ["0", "false", '""', "null", '"NaN"', undefined]);
});

test("numbers that are no severity are none", () => {
  const { logger, calls } = setup();
  for (const severityNumber of [0, 1, 24, 25, 9.5, NaN]) logger.emit({ context: ROOT_CONTEXT, severityNumber });
  assert.deepEqual(calls.logs.map((r) => r.severityNumber), [undefined, 1, 24, undefined, undefined, undefined]);
});

test("a resource is sent if the component names one", () => {
  const { logger, calls } = setup({}, { resource: { "service.version": "3" } });
  logger.emit({ context: ROOT_CONTEXT });
  assert.deepEqual(calls.logs[0].resource, { attributes: [{ key: "service.version", value: '"3"' }] });
});

test("without the import records are counted", async () => {
  const { otel, logger } = setup({ logs: undefined });
  logger.emit({ context: ROOT_CONTEXT });
  await otel.loggerProvider.forceFlush();
  await otel.loggerProvider.shutdown();
  assert.equal(otel.stats.dropped, 1);
});
