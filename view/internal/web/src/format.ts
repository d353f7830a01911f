// Texts of times, sizes and values.

export function duration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  const units: [number, string][] = [[1e3, "µs"], [1e6, "ms"], [1e9, "s"]];
  let [unit, name] = units[0];
  for (const [u, n] of units) if (ns >= u * 0.9995) [unit, name] = [u, n];
  const v = ns / unit;
  if (name === "s" && v >= 120) return `${Math.floor(v / 60)} min ${Math.round(v % 60)} s`;
  return `${v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2)} ${name}`;
}

// clock is the local time of day of nanoseconds since 1970, and the date where it is not today.
export function clock(ns: string | number): string {
  const d = new Date(Number(ns) / 1e6);
  if (Number.isNaN(d.getTime())) return "?";
  const time = d.toLocaleTimeString("en-GB") + "." + String(d.getMilliseconds()).padStart(3, "0");
  return d.toDateString() === new Date().toDateString() ? time : d.toISOString().slice(0, 10) + " " + time;
}

export function bytes(n: number): string {
  if (n < 0) return "−" + bytes(-n);
  for (const unit of ["B", "KiB", "MiB"]) {
    if (n < 1024) return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1024;
  }
  return `${n.toFixed(1)} GiB`;
}

export const count = (n: number) => n.toLocaleString("en-US").replace(/,/g, "\u202f");

export function text(v: unknown): string {
  return typeof v === "string" ? v : JSON.stringify(v);
}

export function level(severity: number): string {
  return severity >= 21 ? "FATAL" : severity >= 17 ? "ERROR" : severity >= 13 ? "WARN" : severity >= 9 ? "INFO" : severity >= 5 ? "DEBUG" : severity > 0 ? "TRACE" : "";
}

// hue is a service's colour: the same at each visit.
export function hue(name: string): number {
  let h = 2166136261;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 16777619);
  return (h >>> 0) % 12;
}

// unitText is a value with its unit, as UCUM writes it.
export function unitText(v: number, unit: string, perSecond: boolean): string {
  const a = Math.abs(v);
  if (unit === "s") return v === 0 ? "0" : (v < 0 ? "−" : "") + duration(a * 1e9) + (perSecond ? "/s" : "");
  if (unit === "ms") return v === 0 ? "0" : (v < 0 ? "−" : "") + duration(a * 1e6) + (perSecond ? "/s" : "");
  if (unit === "By") return bytes(v) + (perSecond ? "/s" : "");
  const n = a === 0 ? "0" : a < 0.01 ? v.toExponential(1) : a < 10 ? String(Math.round(v * 100) / 100) : a < 1e5 ? String(Math.round(v * 10) / 10) : a < 1e6 ? (v / 1e3).toFixed(0) + " k" : a < 1e9 ? (v / 1e6).toFixed(1) + " M" : (v / 1e9).toFixed(1) + " G";
  const word = unit === "1" || unit.startsWith("{") ? "" : unit;
  return n + (word && " " + word) + (perSecond ? "/s" : "");
}
