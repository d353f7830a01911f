// AnyValue as JSON (wasi:otel/types, value).
import type { KeyValue } from "./imports.js";

/** What begins a string that stands for bytes. A string that is meant as it stands and begins so cannot be told from bytes. */
export const bytesPrefix = "data:application/octet-stream;base64,";

// Deeper values are cut: a host need not take them, and a cycle has no end.
const maxDepth = 32;
const maxNodes = 1 << 14;

/**
 * The JSON of an attribute's value or of a log record's body, or undefined for what has none (undefined, a function). Whole numbers are
 * integers, as JavaScript has one kind of number only: 3.0 is 3. NaN and the infinities are the strings "NaN", "Infinity" and "-Infinity",
 * as in OTLP's JSON. Bytes are base64. An object that contains itself, or is nested deeper than 32, is cut with the string "…".
 */
export function toJSON(value: unknown): string | undefined {
  return encode(value, maxDepth, { left: maxNodes });
}

interface Budget {
  left: number;
}

function encode(v: unknown, depth: number, budget: Budget): string | undefined {
  if (depth === 0 || --budget.left < 0) return '"…"';
  switch (typeof v) {
    case "string":
      return JSON.stringify(wellFormed(v));
    case "boolean":
      return String(v);
    case "bigint":
      return v.toString();
    case "number":
      return number(v);
    case "object":
      return v === null ? "null" : object(v, depth - 1, budget);
  }
  return undefined;
}

function object(v: object, depth: number, budget: Budget): string | undefined {
  if (v instanceof Uint8Array) return `"${bytesPrefix}${base64(v)}"`;
  if (v instanceof ArrayBuffer) return `"${bytesPrefix}${base64(new Uint8Array(v))}"`;
  if (v instanceof Date) return JSON.stringify(Number.isNaN(v.getTime()) ? "Invalid Date" : v.toISOString());
  if (v instanceof Error) return JSON.stringify(wellFormed(String(v)));
  if (Array.isArray(v) || ArrayBuffer.isView(v)) {
    const parts: string[] = [];
    for (const e of v as Iterable<unknown>) {
      if (budget.left < 0) break;
      parts.push(encode(e, depth, budget) ?? "null");
    }
    return `[${parts.join(",")}]`;
  }
  const parts: string[] = [];
  for (const [key, e] of v instanceof Map ? v : Object.entries(v)) {
    if (budget.left < 0) break;
    const text = encode(e, depth, budget);
    if (text !== undefined) parts.push(`${JSON.stringify(wellFormed(String(key)))}:${text}`);
  }
  return `{${parts.join(",")}}`;
}

function number(n: number): string {
  if (!Number.isFinite(n)) return JSON.stringify(String(n));
  // A whole number beyond 64 bits is no integer for anybody: with an exponent it is a floating-point number.
  if (Number.isInteger(n) && Math.abs(n) >= 2 ** 63) return n.toExponential();
  return Object.is(n, -0) ? "-0.0" : String(n);
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base64 of RFC 4648 §4. Neither Buffer nor btoa is in every engine. */
export function base64(b: Uint8Array): string {
  let out = "";
  for (let i = 0; i < b.length; i += 3) {
    const left = b.length - i;
    const n = (b[i]! << 16) | ((left > 1 ? b[i + 1]! : 0) << 8) | (left > 2 ? b[i + 2]! : 0);
    out += digits[n >> 18]! + digits[(n >> 12) & 63]! + (left > 1 ? digits[(n >> 6) & 63]! : "=") + (left > 2 ? digits[n & 63]! : "=");
  }
  return out;
}

/** The text with U+FFFD for what is half of a surrogate pair: a WIT string cannot have one, and some engines trap on it. */
export function wellFormed(s: string): string {
  return s.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}

/** Attributes with their values as JSON. Those without a key or a value are left out. */
export function toKeyValues(attributes: object | undefined): KeyValue[] {
  const out: KeyValue[] = [];
  for (const [key, v] of Object.entries(attributes ?? {})) {
    const value = key === "" ? undefined : toJSON(v);
    if (value !== undefined) out.push({ key: wellFormed(key), value });
  }
  return out;
}
