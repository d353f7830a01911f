import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesPrefix, toJSON } from "../dist/index.js";
import { base64, toKeyValues, wellFormed } from "../dist/value.js";

const cycle = { a: 1 };
cycle.self = cycle;
const deep = () => {
  let v = 1;
  for (let i = 0; i < 10_000; i++) v = [v];
  return v;
};

for (const [name, value, want] of [
  ["string", 'a "b"\n\u0000é', '"a \\"b\\"\\n\\u0000é"'],
  ["half a pair", "a\ud800b\udc00", '"a\ufffdb\ufffd"'],
  ["a pair", "😀", '"😀"'],
  ["true", true, "true"],
  ["false", false, "false"],
  ["null", null, "null"],
  ["integer", 2, "2"],
  ["negative", -7, "-7"],
  ["negative zero", -0, "-0.0"],
  ["largest safe integer", Number.MAX_SAFE_INTEGER, "9007199254740991"],
  ["bigint", 2n ** 63n - 1n, "9223372036854775807"],
  ["whole beyond 64 bits", 1e20, "1e+20"],
  ["2^63", 2 ** 63, "9.223372036854776e+18"],
  ["double", 1.5, "1.5"],
  ["smallest double", 5e-324, "5e-324"],
  ["NaN", NaN, '"NaN"'],
  ["infinity", Infinity, '"Infinity"'],
  ["-infinity", -Infinity, '"-Infinity"'],
  ["bytes", Uint8Array.of(0, 1, 255, 62), `"${bytesPrefix}AAH/Pg=="`],
  ["no bytes", new Uint8Array(), `"${bytesPrefix}"`],
  ["a buffer", Uint8Array.of(97).buffer, `"${bytesPrefix}YQ=="`],
  ["strings", ["a", "b"], '["a","b"]'],
  ["booleans", [true, false], "[true,false]"],
  ["integers", [1, 2], "[1,2]"],
  ["doubles", [0.5, 1.25], "[0.5,1.25]"],
  ["typed doubles", Float64Array.of(1.5, 2), "[1.5,2]"],
  ["typed 64-bit integers", BigInt64Array.of(-1n), "[-1]"],
  ["empty", [], "[]"],
  ["a hole", ["a", undefined, null], '["a",null,null]'],
  ["mixed and nested", ["a", [1, { b: null }]], '["a",[1,{"b":null}]]'],
  ["map", { k: 1, l: { m: [true] } }, '{"k":1,"l":{"m":[true]}}'],
  ["Map", new Map([["k", 1]]), '{"k":1}'],
  ["without undefined", { a: undefined, b: () => 1, c: 1 }, '{"c":1}'],
  ["date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ["invalid date", new Date(NaN), '"Invalid Date"'],
  ["error", new TypeError("no"), '"TypeError: no"'],
  ["undefined", undefined, undefined],
  ["function", () => 1, undefined],
  ["symbol", Symbol("s"), undefined],
]) {
  test(`JSON of ${name}`, () => {
    assert.equal(toJSON(value), want);
    if (want !== undefined) JSON.parse(want);
  });
}

test("what never ends is cut", () => {
  for (const v of [cycle, deep(), Array(1e5).fill(1), Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, i]))]) {
    const text = toJSON(v);
    JSON.parse(text);
    assert.ok(text.length < 1 << 18, `${text.length} characters`);
  }
});

test("base64 is that of RFC 4648", () => {
  for (let n = 0; n < 70; n++) {
    const b = Uint8Array.from({ length: n }, (_, i) => (i * 89 + n * 31) & 255);
    assert.equal(base64(b), Buffer.from(b).toString("base64"));
  }
});

test("text is well-formed", () => {
  for (const [s, want] of [["\udc00\ud800", "\ufffd\ufffd"], ["\ud83d\ude00\ud83d", "😀\ufffd"], ["", ""], ["\ude00😀", "\ufffd😀"]]) assert.equal(wellFormed(s), want);
});

test("attributes without a key or a value are left out", () => {
  assert.deepEqual(toKeyValues({ a: 1, "": 2, b: undefined, "c\ud800": "x" }), [{ key: "a", value: "1" }, { key: "c\ufffd", value: '"x"' }]);
  assert.deepEqual(toKeyValues(undefined), []);
});
