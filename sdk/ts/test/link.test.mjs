import assert from "node:assert/strict";
import { test } from "node:test";
import { HostIdGenerator, Link } from "../dist/index.js";
import { refine, toResource, toScope } from "../dist/link.js";
import { fakeHost } from "./host.mjs";

for (const [name, n, signed, big, number] of [
  ["zero", 0, false, 0n, 0],
  ["one", 1, false, 1n, 1],
  ["a fraction", 2.9, false, 2n, 2],
  ["a negative fraction", -2.9, true, -2n, -2],
  ["less than nothing", -1, false, 0n, 0],
  ["not a number", NaN, true, 0n, 0],
  ["infinity", Infinity, false, 2n ** 64n - 1n, 2 ** 64 - 2048],
  ["signed infinity", Infinity, true, 2n ** 63n - 1n, 2 ** 63 - 1024],
  ["negative infinity", -Infinity, true, -(2n ** 63n), -(2 ** 63)],
]) {
  test(`64-bit integer of ${name}`, () => {
    assert.equal(new Link({ int64: "bigint" }).int64(n, signed), big);
    const got = new Link({ int64: "number" }).int64(n, signed);
    assert.ok(Object.is(got, number), `${got}`);
  });
}

test("the kind of integers is what the host hands over", () => {
  for (const kind of ["bigint", "number"]) {
    const { clock, random } = fakeHost(kind);
    assert.equal(typeof new Link({ clock }).int64(1, false), kind);
    assert.equal(typeof new Link({ random }).int64(1, false), kind);
    assert.equal(typeof new Link({ clock: fakeHost("bigint").clock, int64: kind }).int64(1, false), kind);
  }
  assert.equal(typeof new Link({}).int64(1, false), "bigint");
});

test("times are between 1970 and what a datetime can say", () => {
  const link = new Link({ int64: "number" });
  for (const [t, want] of [
    [[1, 2], { seconds: 1, nanoseconds: 2 }],
    [[-1, 5], { seconds: 0, nanoseconds: 0 }],
    [[NaN, NaN], { seconds: 0, nanoseconds: 0 }],
    [[3, 1e9], { seconds: 3, nanoseconds: 999_999_999 }],
    [[3, -1], { seconds: 3, nanoseconds: 0 }],
    [[3.7, 0.4], { seconds: 3, nanoseconds: 0 }],
  ]) assert.deepEqual(link.datetime(t), want);
});

test("whole milliseconds of the same millisecond get the clock's digits", () => {
  assert.deepEqual(refine([5, 7_000_000], [5, 7_123_456]), [5, 7_123_456]);
  assert.deepEqual(refine([5, 7_000_000], [5, 8_123_456]), [5, 7_000_000]);
  assert.deepEqual(refine([5, 7_000_001], [5, 7_123_456]), [5, 7_000_001], "a time that is exact stays");
  assert.deepEqual(refine([4, 7_000_000], [5, 7_123_456]), [4, 7_000_000]);
  assert.deepEqual(refine([5, 7_000_000], undefined), [5, 7_000_000]);
});

test("identifiers have all their digits, and are never zeros", () => {
  for (const kind of ["bigint", "number"]) {
    const ids = new HostIdGenerator(new Link(fakeHost(kind)));
    const seen = new Set();
    for (let i = 0; i < 2000; i++) {
      const [t, s] = [ids.generateTraceId(), ids.generateSpanId()];
      assert.match(t, /^[0-9a-f]{32}$/);
      assert.match(s, /^[0-9a-f]{16}$/);
      seen.add(t).add(s);
    }
    assert.equal(seen.size, 4000, kind);
  }
  const words = [0n, 0n, 0n, 1n << 32n, 0n, 0n];
  const ids = new HostIdGenerator(new Link({ random: { getRandomU64: () => words.shift() } }));
  assert.equal(ids.generateSpanId(), "0000000000000001", "zeros are drawn again");
  const top = new HostIdGenerator(new Link({ random: { getRandomU64: () => Number(2n ** 64n - 1n) } }));
  assert.equal(top.generateSpanId(), "ffffffffffffffff", "a double that was rounded up");
});

test("without wasi:random, or where it fails, identifiers come from the engine", () => {
  const failing = new Link({ random: { getRandomU64() { throw new Error("no"); } } });
  for (const link of [new Link({}), failing]) {
    const ids = new HostIdGenerator(link);
    assert.notEqual(ids.generateTraceId(), ids.generateTraceId());
    assert.match(ids.generateTraceId(), /^[0-9a-f]{32}$/);
  }
  assert.ok(failing.stats.failed > 0);
});

test("scopes and resources say what they have", () => {
  assert.deepEqual(toScope({ name: "s" }), { name: "s", attributes: [] });
  assert.deepEqual(toScope({ name: "s", version: "1", schemaUrl: "u", attributes: { a: 1 } }), { name: "s", version: "1", schemaUrl: "u", attributes: [{ key: "a", value: "1" }] });
  assert.deepEqual(toResource({ attributes: { a: "b" }, schemaUrl: "u" }), { attributes: [{ key: "a", value: '"b"' }], schemaUrl: "u" });
});
