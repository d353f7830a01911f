// What is asked for, how often, how fast, and what of it fails; what is under way; what a reload has changed.
import { useEffect, useState } from "preact/hooks";
import { get, type Group, type Marker, type TraceList } from "./api";
import { clock, count, duration, hue } from "./format";
import { go, link, type Live } from "./state";
import { quoted } from "./traces";

const spans: [string, string, number][] = [["1m", "last minute", 60], ["5m", "5 minutes", 300], ["1h", "hour", 3600], ["24h", "day", 86400]];

const rate = (r: number) => (r < 0.01 ? "< 0.01" : r.toFixed(r < 10 ? 2 : 0));

function useGroups(q: string, live: Live): { list?: TraceList; error: string } {
  const [state, set] = useState<{ list?: TraceList; error: string; q: string }>({ error: "", q });
  useEffect(() => {
    if (!q) return;
    const stop = new AbortController();
    get<TraceList>("/api/v1/traces?" + new URLSearchParams({ limit: "0", q }), stop.signal).then(({ data }) => set({ list: data, error: "", q }), (e) => e.name !== "AbortError" && set({ error: e.message, q }));
    return () => stop.abort();
  }, [q, live.version]);
  return state.q === q ? state : { error: "" };
}

export function Overview({ since, compare, live, markers }: { since: string; compare: string; live: Live; markers: Marker[] }) {
  const marker = markers.find((m) => m.time === compare);
  const seconds = spans.find((s) => s[0] === since)?.[2] ?? 300;
  const { list, error } = useGroups(marker ? "after:" + marker.time : "since:" + since, live);
  return (
    <main class="page overview">
      <p class="summary" role="status">
        {error ? <span class="bad">{error}</span> : list ? `${count(list.matched)} trace${list.matched === 1 ? "" : "s"}` : "…"}
        <span class="levels">{spans.map(([s, name]) => <button key={s} aria-pressed={!marker && s === since} onClick={() => go("/?since=" + s)}>{name}</button>)}</span>
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Overview">
        <UnderWay live={live} />
        <Marks markers={markers} since={since} compare={compare} />
        {marker ? <Compared marker={marker} markers={markers} after={list} live={live} /> :
          list && !list.groups.length ? <div class="empty"><p>Nothing in this time. Send a request, or choose a longer time.</p></div> : <Groups groups={list?.groups ?? []} seconds={seconds} since={since} />}
      </div>
    </main>
  );
}

function Groups({ groups, seconds, since }: { groups: Group[]; seconds: number; since: string }) {
  const where = (g: Group) => `service:${quoted(g.service)} name:${quoted(g.name)} since:${since}`;
  return (
    <table class="red">
      <thead><tr><th scope="col">what</th><th scope="col">traces</th><th scope="col">a second</th><th scope="col">errors</th><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th></tr></thead>
      <tbody>
        {groups.slice(0, 200).map((g) => (
          <tr key={g.service + "\0" + g.name}>
            <th scope="row"><i class={"dot c" + hue(g.service)} /><a {...link("/traces?q=" + encodeURIComponent(where(g)))}><b>{g.service}</b> {g.name}</a></th>
            <td>{count(g.count)}</td>
            <td>{rate(g.count / seconds)}</td>
            <td class={g.errors ? "bad" : "dim"}>{g.errors ? <a {...link("/traces?q=" + encodeURIComponent(where(g) + " status:error"))}>{((100 * g.errors) / g.count).toFixed(1)} %</a> : "0"}</td>
            <td>{duration(g.p50)}</td><td>{duration(g.p95)}</td><td>{duration(g.p99)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// UnderWay are the requests and calls that have begun and have not ended: the outermost span of each trace.
function UnderWay({ live }: { live: Live }) {
  const [, tick] = useState(0);
  const all = live.inFlight.spans;
  useEffect(() => {
    if (!all.length) return;
    const timer = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, [all.length > 0]);
  const here = new Set(all.map((s) => s.spanId));
  const outer = all.filter((s) => !s.parentSpanId || !here.has(s.parentSpanId));
  if (!outer.length) return null;
  const inner = (id: string) => all.filter((s) => s.traceId === id).at(-1)!;
  return (
    <section class="underway" aria-label="Under way"><h2>Under way: {count(live.inFlight.count)} span{live.inFlight.count === 1 ? "" : "s"}</h2>
      <ul>{outer.slice(0, 20).map((s) => {
        const last = inner(s.traceId);
        return <li key={s.spanId}><i class={"dot c" + hue(s.service)} /><a {...link(`/trace/${s.traceId}?span=${s.spanId}`)}><b>{s.service}</b> {s.name}</a> <span class="num">{duration(Math.max(0, Date.now() * 1e6 - Number(s.start)))}</span>{last !== s && <span class="dim"> in {last.service} {last.name}</span>}</li>;
      })}</ul></section>
  );
}

// Marks are the starts and reloads, of this run and of earlier ones, the last first.
function Marks({ markers, since, compare }: { markers: Marker[]; since: string; compare: string }) {
  if (markers.length < 2 && !compare) return null;
  return (
    <section class="marks" aria-label="Starts and reloads"><h2>Starts and reloads</h2>
      <ul>{markers.slice(-8).reverse().map((m) => <li key={m.time}><span class="num">{clock(m.time)}</span> <b>{m.name}</b> <span class="dim">{m.text}</span> <button aria-pressed={m.time === compare} onClick={() => go(m.time === compare ? "/?since=" + since : "/?compare=" + m.time)}>what changed</button></li>)}</ul></section>
  );
}

// Compared has the groups before and after a marker: from the marker before it, and until the one behind it.
function Compared({ marker, markers, after, live }: { marker: Marker; markers: Marker[]; after?: TraceList; live: Live }) {
  const at = markers.indexOf(marker);
  const before = useGroups(`before:${marker.time}` + (at > 0 ? ` after:${markers[at - 1].time}` : ""), live);
  if (before.error) return <p class="empty bad">{before.error}</p>;
  if (!before.list || !after) return <p class="empty">…</p>;
  const key = (g: Group) => g.service + "\0" + g.name;
  const was = new Map(before.list.groups.map((g) => [key(g), g])), is = new Map(after.groups.map((g) => [key(g), g]));
  const share = (g?: Group) => (g ? `${((100 * g.errors) / g.count).toFixed(1)} %` : "–");
  const percent = (a: number, b: number) => (a ? `${b >= a ? "+" : "−"}${Math.abs((100 * (b - a)) / a).toFixed(0)} %` : "");
  return (
    <table class="red compared">
      <caption>Before and after the {marker.name} at {clock(marker.time)}</caption>
      <thead><tr><th scope="col">what</th><th scope="col">traces before</th><th scope="col">after</th><th scope="col">errors before</th><th scope="col">after</th><th scope="col">p50 before</th><th scope="col">after</th><th scope="col">p99 before</th><th scope="col">after</th></tr></thead>
      <tbody>{[...new Set([...is.keys(), ...was.keys()])].slice(0, 200).map((k) => {
        const a = was.get(k), b = is.get(k), g = (b ?? a)!;
        const worse = a && b && (b.p50 > 1.3 * a.p50 || b.errors / b.count > a.errors / a.count + 0.01);
        return <tr key={k}><th scope="row"><i class={"dot c" + hue(g.service)} /><a {...link("/traces?q=" + encodeURIComponent(`service:${quoted(g.service)} name:${quoted(g.name)}`))}><b>{g.service}</b> {g.name}</a></th>
          <td>{a ? count(a.count) : "–"}</td><td>{b ? count(b.count) : "–"}</td><td>{share(a)}</td><td class={b && b.errors ? "bad" : ""}>{share(b)}</td>
          <td>{a ? duration(a.p50) : "–"}</td><td class={worse ? "bad" : ""}>{b ? duration(b.p50) : "–"} <span class="dim">{a && b && percent(a.p50, b.p50)}</span></td><td>{a ? duration(a.p99) : "–"}</td><td>{b ? duration(b.p99) : "–"} <span class="dim">{a && b && percent(a.p99, b.p99)}</span></td></tr>;
      })}</tbody>
    </table>
  );
}
