// Components: who calls whom, what they may, and how it goes.
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Component, type ComponentMap, type Fact, get, type Workload } from "./api";
import { duration, hue } from "./format";
import { graph, type Graph, type MapEdge, type MapNode, nodeHeight, nodeWidth } from "./map";
import { go, link, type Live } from "./state";
import { quoted } from "./traces";

const interval = 5000; // of new figures, in milliseconds

export default function Components({ query, live }: { query: URLSearchParams; live: Live }) {
  const [data, setData] = useState<ComponentMap>();
  const [error, setError] = useState("");
  const [tick, setTick] = useState(0);
  useEffect(() => {
    if (live.paused) return;
    const timer = setInterval(() => setTick((n) => n + 1), interval);
    return () => clearInterval(timer);
  }, [live.paused]);
  useEffect(() => void get<ComponentMap>("/api/v1/components").then(({ data }) => (setData(data), setError("")), (e) => setError(e.message)), [tick]);
  const everything = query.get("all") === "1";
  const g = useMemo(() => (data ? graph(data, everything) : undefined), [data, everything]);
  const chosen = query.get("component") ?? "";
  const choose = (id: string) => go("/components?" + new URLSearchParams({ ...(everything && { all: "1" }), ...(id && { component: id }) }), true);
  if (error) return <main class="page"><p class="empty bad">{error}</p></main>;
  if (!data || !g) return <main class="page"><p class="empty">…</p></main>;
  if (!g.nodes.length) return <main class="page"><div class="empty"><p>No component runs here, and no spans say who calls whom. Start a workload with vitrine up --view, or send spans.</p></div></main>;
  const shown = data.workloads.flatMap((w) => w.components.map((c) => ({ w, c, id: w.id + ":" + c.name }))).find((x) => x.id === chosen);
  return (
    <main class="page components">
      <section class="rows" aria-label="Map of components">
        <p class="summary" role="status">{data.workloads.length ? count(data.workloads.reduce((n, w) => n + w.components.length, 0), "component") : count(g.nodes.length, "service") + " that spans tell of"}, traffic of the last {data.seconds / 60} minutes
          {data.workloads.length > 0 && <label class="check levels"><input type="checkbox" checked={everything} onChange={(e) => go("/components" + (e.currentTarget.checked ? "?all=1" : ""))} />every interface</label>}</p>
        <div class="scroll" tabIndex={0} role="region" aria-label="Map and table">
          <Picture g={g} chosen={chosen} choose={choose} />
          <Edges g={g} choose={choose} />
        </div>
      </section>
      {shown && <Facts w={shown.w} c={shown.c} />}
    </main>
  );
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
const rate = (r: number) => (r === 0 ? "0/s" : r < 0.01 ? "< 0.01/s" : r.toFixed(r < 10 ? 2 : 0) + "/s");
const time = (s: number | null) => (s === null ? "–" : duration(s * 1e9));

function Picture({ g, chosen, choose }: { g: Graph; chosen: string; choose: (id: string) => void }) {
  return (
    <svg class="map" width={g.width} height={g.height} viewBox={`0 0 ${g.width} ${g.height}`} role="group" aria-label="Map; the table below says the same">
      {g.edges.map((e) => <Line key={e.from.id + e.to.id} e={e} faded={fades(e, chosen)} />)}
      {g.edges.map((e) => e.label !== undefined && <Figures key={e.from.id + e.to.id} e={e} faded={fades(e, chosen)} />)}
      {g.nodes.map((n) => <Box key={n.id} n={n} chosen={!!n.component && n.component === chosen} choose={choose} />)}
    </svg>
  );
}

const fades = (e: MapEdge, chosen: string) => !!chosen && e.from.component !== chosen && e.to.component !== chosen;

// Figures are above all lines, so that none crosses them.
function Figures({ e, faded }: { e: MapEdge; faded: boolean }) {
  return <text class={"figures" + (faded ? " faded" : "") + (e.errors ? " failing" : "")} x={e.from.x + nodeWidth + 8} y={e.label} aria-hidden="true">{rate(e.rate)} · {time(e.p50)}{e.errors > 0 && ` · ${((100 * e.errors) / e.count).toFixed(0)} %`}</text>;
}

function Line({ e, faded }: { e: MapEdge; faded: boolean }) {
  const back = e.to.x <= e.from.x;
  const x1 = e.from.x + nodeWidth, y1 = e.from.y + nodeHeight / 2, x2 = e.to.x, y2 = e.to.y + nodeHeight / 2;
  const bend = back ? 80 : (x2 - x1) / 2;
  const failing = e.errors > 0;
  return (
    <g class={"edge" + (failing ? " failing" : e.count ? " busy" : "") + (faded ? " faded" : "")} aria-hidden="true">
      <title>{`${e.from.name} → ${e.to.name}\n${e.what.join("\n")}`}</title>
      <path d={`M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2 - 6},${y2}`} stroke-width={1 + Math.min(4, Math.log10(1 + e.rate * 10))} />
      <path class="head" d={`M${x2 - 7},${y2 - 4} L${x2},${y2} L${x2 - 7},${y2 + 4} Z`} />
    </g>
  );
}

const fits = (s: string, n: number) => (s.length > n ? s.slice(0, n - 1) + "…" : s);

function Box({ n, chosen, choose }: { n: MapNode; chosen: boolean; choose: (id: string) => void }) {
  const act = n.component ? () => choose(chosen ? "" : n.component!) : undefined;
  return (
    <g class={"node " + n.kind + (chosen ? " chosen" : "")} transform={`translate(${n.x},${n.y})`} {...(act && { role: "button", tabIndex: 0, "aria-pressed": chosen, onClick: act, onKeyDown: (e: KeyboardEvent) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); e.stopPropagation(); act(); } } })}>
      {!act && <title>{n.name}</title>}
      <rect width={nodeWidth} height={nodeHeight} rx="6" />
      {n.kind === "component" || n.kind === "service" ? <rect class={"band c" + hue(n.component?.replace(/^.*:/, "") ?? n.name)} width="6" height={nodeHeight} rx="3" /> : null}
      <text x="14" y="20" class="name">{fits(n.name, 24)}</text>
      <text x="14" y="36" class="within">{fits(n.within, 28)}</text>
    </g>
  );
}

function Edges({ g, choose }: { g: Graph; choose: (id: string) => void }) {
  const end = (n: MapNode) => (n.component ? <button class="plain" onClick={() => choose(n.component!)}>{n.within.startsWith("in ") ? n.within.slice(3) + "/" : ""}{n.name}</button> : n.name);
  return (
    <table class="red series">
      <caption class="sr">Who calls whom</caption>
      <thead><tr><th scope="col">from</th><th scope="col" class="left">to</th><th scope="col" class="left">by</th><th scope="col">calls</th><th scope="col">a second</th><th scope="col">failed</th><th scope="col">p50</th><th scope="col">p99</th></tr></thead>
      <tbody>{[...g.edges].sort((a, b) => b.count - a.count).map((e) => (
        <tr key={e.from.id + e.to.id}><th scope="row">{end(e.from)}</th><td class="left">{end(e.to)}</td><td class="left wrap">{e.what.slice(0, 6).join(", ")}{e.what.length > 6 && ` and ${e.what.length - 6} more`}</td>
          <td>{e.count ? Math.round(e.count) : "–"}</td><td>{e.count ? rate(e.rate) : "–"}</td><td class={e.errors ? "bad" : ""}>{e.count ? ((100 * e.errors) / e.count).toFixed(1) + " %" : "–"}</td><td>{time(e.p50)}</td><td>{time(e.p99)}</td></tr>
      ))}</tbody>
    </table>
  );
}

function Facts({ w, c }: { w: Workload; c: Component }) {
  const imports = [...new Set(w.calls.filter((x) => x.from === c.name || x.from.startsWith(c.name + "/")).filter((x) => !x.to).map((x) => x.interface))];
  return (
    <aside class="details" aria-label={"Component " + c.name} tabIndex={0}>
      <h2>{c.name}</h2>
      <p class="dim">{w.id}, {w.state}{c.service && `, service ${c.service}`} · {c.source}</p>
      <p><a {...link("/traces?q=" + encodeURIComponent("service:" + quoted(c.name)))}>traces</a> · <a {...link("/logs?q=" + encodeURIComponent("service:" + quoted(c.name)))}>logs</a> · <a {...link("/metrics?" + new URLSearchParams({ q: "service:" + quoted(c.name) }))}>metrics</a></p>
      <List title="Instances" all={c.instances} none="Events do not reach it." />
      <List title="Grants" all={c.grants} none="None: it may reach nothing outside." />
      <List title="Limits" all={c.limits} none="" />
      <List title="Exports" all={c.exports} none="Nothing that the host calls." />
      <List title="Imports of the host" all={imports.map((name) => ({ name }))} none="None." />
    </aside>
  );
}

function List({ title, all, none }: { title: string; all: Fact[]; none: string }) {
  return <section><h3>{title}</h3>{all.length ? <table class="attributes"><tbody>{all.map((f, i) => <tr key={i}><th scope="row">{f.name}</th>{f.value !== undefined && <td>{f.value}{f.problem && <b class="bad"> {f.problem}</b>}</td>}</tr>)}</tbody></table> : <p class="dim">{none}</p>}</section>;
}
