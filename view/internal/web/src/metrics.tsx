// Metrics: meters and their instruments, and the chosen one over time.
import type uPlot from "uplot";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Chart, get, type Instrument, type Marker } from "./api";
import { draw, lineClass } from "./chart";
import { clock, count, unitText } from "./format";
import { go, link, type Live, useKeys } from "./state";
import { quoted } from "./traces";

const spans: [string, string][] = [["5m", "5 min"], ["15m", "15 min"], ["1h", "1 h"], ["6h", "6 h"], ["24h", "24 h"]];
const interval = 5000; // between collections, in milliseconds: there is nothing new before

interface Place { name: string; q: string; by: string | null; since: string; from: string; to: string }

const address = (p: Place) => {
  const u = new URLSearchParams();
  for (const key of ["name", "q", "since", "from", "to"] as const) if (p[key]) u.set(key, p[key]);
  if (p.by !== null) u.set("by", p.by);
  return "/metrics?" + u;
};

// useTick counts up while the page is live.
function useTick(paused: boolean): number {
  const [tick, set] = useState(0);
  useEffect(() => {
    if (paused) return;
    const timer = setInterval(() => set((n) => n + 1), interval);
    return () => clearInterval(timer);
  }, [paused]);
  return tick;
}

export default function Metrics({ query, live, markers }: { query: URLSearchParams; live: Live; markers: Marker[] }) {
  const place: Place = { name: query.get("name") ?? "", q: query.get("q") ?? "", by: query.get("by"), since: query.get("since") ?? (Date.now() - Number(markers.findLast((m) => m.name === "start")?.time ?? 0) / 1e6 < 300_000 ? "5m" : "15m"), from: query.get("from") ?? "", to: query.get("to") ?? "" };
  const tick = useTick(live.paused);
  const [all, setAll] = useState<Instrument[]>();
  const [error, setError] = useState("");
  const [filter, setFilter] = useState("");
  useEffect(() => void get<{ instruments: Instrument[] }>("/api/v1/instruments").then(({ data }) => (setAll(data.instruments), setError("")), (e) => setError(e.message)), [tick]);
  const name = place.name || all?.find((i) => i.name === "http.server.request.duration")?.name || all?.[0]?.name || "";
  const shown = useMemo(() => (all ?? []).filter((i) => i.name.toLowerCase().includes(filter.toLowerCase())), [all, filter]);
  useKeys((key) => {
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[key];
    if (!by || !shown.length) return;
    const at = shown.findIndex((i) => i.name === name);
    go(address({ ...place, by: null, q: "", name: shown[Math.min(shown.length - 1, Math.max(0, at + by))].name }), true);
    return true;
  });
  const meters = [...new Set(shown.map((i) => i.meter))];
  return (
    <main class="page metrics">
      <aside aria-label="Instruments" tabIndex={0}>
        <label><span class="sr">Filter instruments</span><input type="search" placeholder="filter" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} onKeyDown={(e) => e.key === "Escape" && e.currentTarget.blur()} /></label>
        {meters.map((m) => (
          <section key={m}>
            <h2 title={m}>{m.replace(/^.*\//, "") || "(no meter)"}</h2>
            <ul class="facets instruments">
              {shown.filter((i) => i.meter === m).map((i) => <li key={i.name}><a {...link(address({ ...place, by: null, q: "", name: i.name }))} aria-current={i.name === name ? "true" : undefined} title={i.description || i.name}>{i.name}</a><span class="dim">{i.kind}</span></li>)}
            </ul>
          </section>
        ))}
      </aside>
      {error ? <p class="empty bad">{error}</p> : !all ? <p class="empty">…</p> : !name ? <div class="empty"><p>No metrics yet. The first ones come a few seconds after the start.</p></div> :
        <Detail key={name} place={{ ...place, name }} tick={tick} markers={markers} about={all.find((i) => i.name === name)} />}
    </main>
  );
}

function Detail({ place, tick, markers, about }: { place: Place; tick: number; markers: Marker[]; about?: Instrument }) {
  const [chart, setChart] = useState<Chart>();
  const [error, setError] = useState("");
  const [hidden, setHidden] = useState(new Set<number>());
  useEffect(() => {
    const stop = new AbortController();
    const u = new URLSearchParams({ q: place.q, steps: "120" });
    if (place.by !== null) u.set("by", place.by);
    if (place.from) {
      u.set("from", place.from);
      if (place.to) u.set("to", place.to);
    } else u.set("q", `${place.q} since:${place.since}`.trim());
    get<Chart>(`/api/v1/metrics/${encodeURIComponent(place.name)}?${u}`, stop.signal).then(({ data }) => (setChart(data), setError("")), (e) => e.name !== "AbortError" && setError(e.message));
    return () => stop.abort();
  }, [place.name, place.q, place.by, place.since, place.from, place.to, tick]);
  const refine = (key: string, value: string) => go(address({ ...place, q: `${place.q} ${key === "service" ? "service:" : `@${key}:`}${quoted(value)}`.trim() }));
  const terms = place.q.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
  const within = markers.filter((m) => chart && Number(m.time) >= Number(chart.from) && Number(m.time) <= Number(chart.from) + Number(chart.step) * chart.steps);
  return (
    <section class="rows" aria-label={place.name}>
      <header class="facts">
        <h1>{place.name} <span>{unitOf(chart?.unit ?? about?.unit ?? "", chart?.kind ?? about?.kind ?? "")}</span></h1>
        <span class="levels" role="group" aria-label="Time">{spans.map(([s, label]) => <button key={s} aria-pressed={!place.from && s === place.since} onClick={() => go(address({ ...place, since: s, from: "", to: "" }))}>{label}</button>)}</span>
        {chart && <label class="check">by <select value={place.by === null ? "*" : place.by} onChange={(e) => go(address({ ...place, by: e.currentTarget.value === "*" ? null : e.currentTarget.value }))}>
          <option value="*">all labels</option><option value="">nothing</option>
          {chart.labels.map((l) => <option key={l.key} value={l.key}>{l.key} ({l.count})</option>)}
          {place.by && !chart.labels.some((l) => l.key === place.by) && <option value={place.by}>{place.by}</option>}
        </select></label>}
        {terms.map((t) => <button key={t} class="chip" aria-label={"Remove filter " + t} onClick={() => go(address({ ...place, q: terms.filter((x) => x !== t).join(" ") }))}>{t} ×</button>)}
      </header>
      {(chart?.description || about?.description) && <p class="summary">{chart?.description || about?.description}</p>}
      {within.length > 0 && <p class="summary">{within.map((m) => <Compare key={m.time} marker={m} place={place} chart={chart!} />)}</p>}
      {error ? <p class="empty">{error}</p> : !chart ? <p class="empty">…</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Chart and series">
          <Plot chart={chart} hidden={hidden} markers={within} />
          {chart.partial && <p class="summary bad">Not all that was measured is here: there are more series than are told apart, or metrics of several kinds have this name. Filter them.</p>}
          <Series chart={chart} hidden={hidden} toggle={(i) => setHidden((h) => { const n = new Set(h); if (!n.delete(i)) n.add(i); return n; })} refine={refine} />
          {chart.exemplars.length > 0 && <section class="exemplars"><h2>Exemplars: measurements with their traces</h2>
            <ul>{chart.exemplars.slice(0, 20).map((e) => <li key={e.spanId + e.time}><a {...link(`/trace/${e.traceId}?span=${e.spanId}`)}>{chart.kind === "histogram" && <b>{unitText(e.value, chart.unit, false)} </b>}{clock(e.time)}</a></li>)}</ul></section>}
        </div>
      )}
    </section>
  );
}

// Compare leads to the time before and after a marker.
function Compare({ marker, place, chart }: { marker: Marker; place: Place; chart: Chart }) {
  const end = Number(chart.from) + Number(chart.step) * chart.steps;
  return <span class="compare">{marker.name} {clock(marker.time)}: <a {...link(address({ ...place, from: chart.from, to: marker.time }))}>before</a> <a {...link(address({ ...place, from: marker.time, to: String(Math.round(end)) }))}>after</a></span>;
}

const unitOf = (unit: string, kind: string) => [kind, unit && (unit.startsWith("{") ? unit.slice(1, -1) : unit) + (kind === "counter" ? " a second" : "")].filter(Boolean).join(", ");

function Plot({ chart, hidden, markers }: { chart: Chart; hidden: Set<number>; markers: Marker[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const seen = new MutationObserver(() => setTheme((n) => n + 1));
    seen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => seen.disconnect();
  }, []);
  useEffect(() => {
    const el = box.current!;
    const u: uPlot = draw(el, chart, { hidden, markers, pick: (e) => go(`/trace/${e.traceId}?span=${e.spanId}`) });
    const size = new ResizeObserver(() => u.setSize({ width: el.clientWidth, height: el.clientHeight }));
    size.observe(el);
    return () => (size.disconnect(), u.destroy());
  }, [chart, hidden, markers.length, theme]);
  return <div class="plot" ref={box} role="img" aria-label={`${chart.name} over time; the table below has the figures`} />;
}

function Series({ chart, hidden, toggle, refine }: { chart: Chart; hidden: Set<number>; toggle: (i: number) => void; refine: (key: string, value: string) => void }) {
  const heat = chart.kind === "histogram", rate = heat || chart.kind === "counter";
  const last = (v: (number | null)[]) => v.findLast((x) => x !== null) ?? null;
  const say = (v: number | null | undefined, perSecond = false) => (v === null || v === undefined ? "–" : unitText(v, chart.unit, perSecond));
  return (
    <table class="red series">
      <thead><tr><th scope="col">series</th>{rate && <th scope="col">{heat ? "measured" : "total"}</th>}<th scope="col">{rate ? "now, a second" : "now"}</th>{heat && <><th scope="col"><i class="key p50" />p50</th><th scope="col"><i class="key p90" />p90</th><th scope="col"><i class="key p99" />p99</th></>}</tr></thead>
      <tbody>
        {chart.series.map((s, i) => (
          <tr key={i} class={hidden.has(i) ? "faded" : ""}>
            <th scope="row">
              {!heat && <button class="dot-button" aria-pressed={!hidden.has(i)} aria-label={(hidden.has(i) ? "Show" : "Hide") + " line " + (i + 1)} onClick={() => toggle(i)}><i class={"dot " + lineClass(i)} /></button>}
              {s.service && <button class="label" title="filter" onClick={() => refine("service", s.service!)}><b>{s.service}</b></button>}
              {Object.entries(s.attributes).map(([k, v]) => <button key={k} class="label" title="filter" onClick={() => refine(k, v)}><span class="dim">{k}=</span>{v}</button>)}
              {!s.service && !Object.keys(s.attributes).length && "all"}
            </th>
            {rate && <td>{s.total === undefined ? "–" : heat ? count(Math.round(s.total)) : say(s.total)}</td>}
            <td>{last(s.values) === null ? "–" : heat ? (last(s.values)!).toFixed(2) : say(last(s.values))}</td>
            {heat && <><td>{say(s.p50)}</td><td>{say(s.p90)}</td><td>{say(s.p99)}</td></>}
          </tr>
        ))}
        {chart.omitted && <tr><th scope="row" class="dim">{count(chart.omitted)} more: filter or group them</th></tr>}
      </tbody>
    </table>
  );
}
