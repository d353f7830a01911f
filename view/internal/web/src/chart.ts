// A chart on uPlot: lines, a heat map with percentiles, exemplars as dots, markers as lines across.
import uPlot from "uplot";
import type { Chart, Exemplar, Marker } from "./api";
import { unitText } from "./format";

export interface Shown { hidden: Set<number>; pick(e: Exemplar): void; markers: Marker[] }

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const lineClass = (i: number) => "c" + ((i * 7) % 12);

// colour is that of the i-th line.
function colour(i: number): string {
  const probe = document.createElement("i");
  probe.className = lineClass(i);
  document.body.append(probe);
  const c = getComputedStyle(probe).getPropertyValue("--c").trim();
  probe.remove();
  return c;
}

// rowOf is where a value is on the axis of a heat map: the row's number, and how far it is in that row.
export function rowOf(bounds: (number | null)[], v: number): number {
  for (let i = 0; i < bounds.length; i++) {
    const to = bounds[i];
    if (to === null) return i + 0.5;
    if (v > to) continue;
    const from = i ? bounds[i - 1]! : 0;
    return i + (to > from ? Math.max(0, (v - from) / (to - from)) : 0.5);
  }
  return bounds.length;
}

export function draw(box: HTMLElement, c: Chart, shown: Shown): uPlot {
  const from = Number(c.from) / 1e9, step = Number(c.step) / 1e9;
  const times = Array.from({ length: c.steps }, (_, i) => from + (i + 0.5) * step);
  const dim = css("--dim"), line = css("--line"), text = css("--text");
  const heat = c.kind === "histogram";
  const bounds = c.bounds ?? [];
  const axis = { stroke: dim, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui, sans-serif" };
  const value = (v: number | null | undefined) => (v === null || v === undefined ? "–" : unitText(v, c.unit, c.kind === "counter"));
  const bound = (i: number) => (i <= 0 ? "0" : bounds[i - 1] === null ? "∞" : unitText(bounds[i - 1]!, c.unit, false));
  const lines: { label: string; values: (number | null)[]; stroke: string; width: number; dash?: number[] }[] = heat
    ? [["p50", c.p50!, "--p50"], ["p90", c.p90!, "--p90"], ["p99", c.p99!, "--p99"]].map(([label, values, stroke]) => ({ label: label as string, values: (values as (number | null)[]).map((v) => (v === null ? null : rowOf(bounds, v))), stroke: css(stroke as string), width: 1.5 }))
    : c.series.map((s, i) => ({ label: String(i), values: s.values, stroke: colour(i), width: 1.5 }));
  // Exemplars of counters and gauges are no values on this axis.
  const dots = (u: uPlot) => (heat ? c.exemplars : []).map((e) => ({ e, x: u.valToPos(Number(e.time) / 1e9, "x", true), y: u.valToPos(rowOf(bounds, e.value), "y", true) }));
  const ratio = devicePixelRatio;
  const opts: uPlot.Options = {
    width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [8, 26, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { size: 5 } },
    scales: { x: { time: true, range: [from, from + step * c.steps] }, y: { range: heat ? [0, Math.max(1, bounds.length)] : (_, lo, hi) => [Math.min(0, lo), hi > Math.min(0, lo) ? hi * 1.06 : 1] } },
    axes: [{ ...axis, values: (_: uPlot, at: number[], _a: number, _s: number, each: number) => at.map((s) => new Date(s * 1000).toLocaleTimeString("en-GB").slice(0, each < 60 ? 8 : 5)) }, { ...axis, size: 72, ...(heat ? { splits: () => ticks(bounds.length, box.clientHeight), values: (_: uPlot, v: number[]) => v.map(bound) } : { values: (_: uPlot, v: number[]) => v.map(value) }) }],
    series: [{}, ...lines.map((l, i) => ({ label: l.label, stroke: l.stroke, width: l.width, show: heat || !shown.hidden.has(i), spanGaps: false, points: { show: (_u: uPlot, _s: number) => isolated(l.values), size: 5, fill: l.stroke } }))],
    hooks: {
      drawClear: heat ? [(u) => cells(u, c, times, step)] : [],
      draw: [(u) => {
        const g = u.ctx;
        g.save();
        g.beginPath();
        g.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
        g.clip();
        for (const m of shown.markers) {
          const x = Math.round(u.valToPos(Number(m.time) / 1e9, "x", true));
          g.strokeStyle = text;
          g.lineWidth = ratio;
          g.setLineDash([4 * ratio, 3 * ratio]);
          g.beginPath();
          g.moveTo(x, u.bbox.top);
          g.lineTo(x, u.bbox.top + u.bbox.height);
          g.stroke();
          g.setLineDash([]);
          g.fillStyle = text;
          g.textAlign = "left";
          g.font = `${11 * ratio}px system-ui, sans-serif`;
          g.fillText(m.name, x + 4 * ratio, u.bbox.top + 12 * ratio);
        }
        for (const d of dots(u)) {
          g.beginPath();
          g.arc(d.x, d.y, 4 * ratio, 0, 7);
          g.fillStyle = css("--exemplar");
          g.fill();
          g.strokeStyle = css("--bg");
          g.lineWidth = ratio;
          g.stroke();
        }
        g.restore();
      }],
    },
  };
  const u = new uPlot(opts, [times, ...lines.map((l) => l.values)] as uPlot.AlignedData, box);
  // A dot is chosen by its nearest click, within a few pixels.
  u.over.addEventListener("click", (ev) => {
    const r = u.over.getBoundingClientRect();
    const x = (ev.clientX - r.left) * ratio + u.bbox.left, y = (ev.clientY - r.top) * ratio + u.bbox.top;
    let best: Exemplar | undefined, near = 10 * ratio;
    for (const d of dots(u)) {
      const far = Math.hypot(d.x - x, d.y - y);
      if (far < near) [near, best] = [far, d.e];
    }
    if (best) shown.pick(best);
  });
  return u;
}

// isolated says whether a line has values without neighbours, which only points show.
function isolated(values: (number | null)[]): boolean {
  return values.some((v, i) => v !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null);
}

function ticks(rows: number, height: number): number[] {
  const each = Math.max(1, Math.ceil(rows / Math.max(2, Math.floor(height / 26))));
  const out = [];
  for (let i = 0; i <= rows; i += each) out.push(i);
  return out;
}

// cells draws the heat map: the more measurements in a cell, the stronger its colour.
function cells(u: uPlot, c: Chart, times: number[], step: number) {
  const most = Math.max(1e-9, ...maxima(c.heat ?? []));
  const g = u.ctx;
  g.save();
  g.fillStyle = css("--heat");
  for (const [i, row, n] of c.heat ?? []) {
    const left = u.valToPos(times[i] - step / 2, "x", true), right = u.valToPos(times[i] + step / 2, "x", true);
    const bottom = u.valToPos(row, "y", true), top = u.valToPos(row + 1, "y", true);
    g.globalAlpha = 0.12 + 0.88 * Math.sqrt(n / most);
    g.fillRect(Math.round(left), Math.round(top), Math.max(1, Math.round(right) - Math.round(left)), Math.max(1, Math.round(bottom) - Math.round(top) - 1));
  }
  g.restore();
}

// maxima has one value: a call may not have as many arguments as a heat map has cells.
function maxima(all: [number, number, number][]): number[] {
  let most = 0;
  for (const x of all) most = Math.max(most, x[2]);
  return [most];
}
