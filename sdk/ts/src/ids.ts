import { diag } from "@opentelemetry/api";
import type { Link } from "./link.js";

/** Makes the identifiers of traces and spans from wasi:random. It never asks before the first identifier is needed: engines that are
 * initialised at build time have no host then, and their own random numbers may begin alike in every instance. */
export class HostIdGenerator {
  readonly #link: Link;
  #warned = false;

  constructor(link: Link) {
    this.#link = link;
  }

  generateTraceId(): string {
    return this.#hex(4);
  }

  generateSpanId(): string {
    return this.#hex(2);
  }

  #hex(words: number): string {
    for (;;) {
      let out = "";
      for (let i = 0; i < words; i++) out += this.#word().toString(16).padStart(8, "0");
      if (/[^0]/.test(out)) return out; // zeros are no identifier
    }
  }

  /** 32 random bits: the upper half of a u64, which is exact in engines that make a double of it, too. */
  #word(): number {
    const { random } = this.#link.host;
    if (random) {
      const n = this.#link.call("get-random-u64", () => {
        const n = random.getRandomU64();
        return typeof n === "bigint" ? Number(n >> 32n) : Math.min(Math.floor(n / 2 ** 32), 0xffffffff);
      }, -1);
      if (n >= 0) return n;
    }
    const crypto = (globalThis as { crypto?: { getRandomValues?(a: Uint32Array): void } }).crypto;
    if (crypto?.getRandomValues) {
      const a = new Uint32Array(1);
      crypto.getRandomValues(a);
      return a[0]!;
    }
    if (!this.#warned) {
      this.#warned = true;
      diag.warn("wasi:otel: identifiers come from Math.random: import wasi:random/random");
    }
    return Math.floor(Math.random() * 2 ** 32);
  }
}
