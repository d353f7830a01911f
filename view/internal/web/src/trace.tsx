// One trace: the waterfall, and the selected span.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, type Log, type TracesData } from "./api";
import { clock, count, duration, hue, level, text } from "./format";
import { List } from "./list";
import { build, matches, type Node, type Note, type Row, rows, type Trace } from "./model";
import { go, link, type Live, useKeys } from "./state";

interface Loaded { id: string; data?: Trace; omitted: number; error: string }

// useTrace loads a trace, and again while it grows.
function useTrace(id: string, live: Live): Loaded {
  const [state, set] = useState<Loaded>({ id, omitted: 0, error: "" });
  // What is known: spans and log records come in batches of their own, the ones before or after the others.
  const known = useRef<{ spans: number; logs: number; data?: TracesData; omitted: number }>({ spans: -1, logs: -1, omitted: 0 });
  const here = live.inFlight.spans.some((s) => s.traceId === id);
  const [tick, setTick] = useState(0);
  const running = (state.data?.running ?? 0) > 0;
  useEffect(() => {
    if (live.paused || (!running && !here)) return;
    const timer = setInterval(() => setTick((n) => n + 1), 500); // spans without an end grow
    return () => clearInterval(timer);
  }, [live.paused, running || here]);
  useEffect(() => {
    const stop = new AbortController();
    (async () => {
      try {
        const k = known.current;
        const [{ data: list }, { data: lines }, { data: inFlight }] = await Promise.all([
          get<{ traces: { spans: number }[] }>(`/api/v1/traces?limit=1&q=trace:${id}`, stop.signal),
          get<{ logs: Log[] }>("/api/v1/logs?limit=5000&q=trace:" + id, stop.signal),
          here || running || !k.data ? get<TracesData>("/api/v1/inflight?trace=" + id, stop.signal) : { data: {} as TracesData },
        ]);
        const spans = list.traces[0]?.spans ?? 0;
        const open = (inFlight.resourceSpans ?? []).length > 0;
        if (k.data && spans === k.spans && lines.logs.length === k.logs && !open && !running) return;
        let { data, omitted } = k;
        if (!spans && open) [data, omitted] = [{}, 0];
        else if (!data || spans !== k.spans) ({ data, omitted } = await get<TracesData>("/api/v1/traces/" + id, stop.signal));
        known.current = { spans, logs: lines.logs.length, data, omitted };
        set({ id, data: build(data!, lines.logs, inFlight, BigInt(Date.now()) * 1000000n), omitted, error: "" });
      } catch (e) {
        if ((e as Error).name !== "AbortError") set({ id, omitted: 0, error: (e as Error).message });
      }
    })();
    return () => stop.abort();
  }, [id, live.version, here, tick]);
  return state.id === id ? state : { id, omitted: 0, error: "" };
}

export function TracePage({ id, span, live }: { id: string; span: string; live: Live }) {
  const { data, omitted, error } = useTrace(id, live);
  if (error) return <main class="page"><p class="empty bad">{error}</p></main>;
  if (!data) return <main class="page"><p class="empty">…</p></main>;
  return <Waterfall id={id} trace={data} omitted={omitted} wanted={span} />;
}

function Waterfall({ id, trace, omitted, wanted }: { id: string; trace: Trace; omitted: number; wanted: string }) {
  const [notes, setNotes] = useState(true);
  const [query, setQuery] = useState("");
  const [version, setVersion] = useState(0);
  const [chosen, choose] = useState(wanted);
  const search = useRef<HTMLInputElement>(null);
  const all = useMemo(() => rows(trace, notes), [trace, notes, version]);
  const selected = Math.max(0, all.findIndex((r) => r.node.id === chosen && !r.note));
  const node = all[selected]?.node;
  const q = query.trim().toLowerCase();
  const found = useMemo(() => (q ? trace.all.filter((n) => matches(n, q)) : []), [trace, q]);
  const hits = useMemo(() => new Set(found), [found]);
  const failed = useMemo(() => trace.all.filter((n) => n.failed || n.events.some((e) => e.severity >= 17)), [trace]);

  const show = (n?: Node) => {
    if (!n) return;
    let opened = false;
    for (let p = n.parent; p; p = p.parent) if (!p.open) p.open = opened = true;
    if (opened) setVersion((v) => v + 1);
    choose(n.id);
    go(`/trace/${id}?span=${n.id}`, true);
  };
  const toggle = (n: Node, open = !n.open) => {
    n.open = open;
    setVersion((v) => v + 1);
  };
  const step = (list: Node[], by: number) => {
    if (!list.length || !node) return;
    const at = node.index;
    show(by > 0 ? list.find((n) => n.index > at) ?? list[0] : list.findLast((n) => n.index < at) ?? list[list.length - 1]);
  };
  const move = (by: number) => {
    for (let i = selected + by; i >= 0 && i < all.length; i += by) if (!all[i].note) return show(all[i].node);
  };
  useKeys((key) => {
    const act: Record<string, () => void> = {
      j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
      n: () => step(found, 1), N: () => step(found, -1), e: () => step(failed, 1), E: () => step(failed, -1),
      ArrowLeft: () => node && (node.open && node.children.length ? toggle(node, false) : show(node.parent)),
      ArrowRight: () => node && toggle(node, true),
      g: () => setNotes((v) => !v),
      f: () => search.current?.focus(),
      Escape: () => go("/traces"),
    };
    if (!act[key]) return;
    act[key]();
    return true;
  });
  const root = trace.roots[0];
  return (
    <main class="page trace">
      <header class="facts">
        <a {...link("/traces")} aria-label="All traces">‹ traces</a>
        <h1 title={root && root.service + " " + root.name}><i class={"dot c" + hue(root?.service ?? "")} /><b>{root?.service}</b> <span>{root?.name}</span></h1>
        <dl>
          <div><dt>began</dt><dd>{clock(trace.begin.toString())}</dd></div>
          <div><dt>duration</dt><dd>{duration(trace.length)}{trace.running > 0 && <b> so far, {count(trace.running)} under way</b>}</dd></div>
          <div><dt>spans</dt><dd>{count(trace.all.length)}{omitted > 0 && <b class="bad"> of {count(trace.all.length + omitted)}</b>}</dd></div>
          <div><dt>errors</dt><dd class={failed.length ? "bad" : ""}>{count(failed.length)}{failed.length > 0 && <button onClick={() => step(failed, 1)} title="e">next</button>}</dd></div>
          <div><dt>trace</dt><dd><code>{id}</code></dd></div>
        </dl>
        <label class="find"><span class="sr">Search in this trace</span>
          <input ref={search} type="search" placeholder="search in this trace (f)" value={query} onInput={(e) => setQuery(e.currentTarget.value)}
            onKeyDown={(e) => { if (e.key === "Enter") step(found, e.shiftKey ? -1 : 1); if (e.key === "Escape") e.currentTarget.blur(); }} />
        </label>
        {q && <span class="hits" role="status">{count(found.length)} found<button onClick={() => step(found, -1)} aria-label="Previous match">‹</button><button onClick={() => step(found, 1)} aria-label="Next match">›</button></span>}
        <label class="check"><input type="checkbox" checked={notes} onChange={(e) => setNotes(e.currentTarget.checked)} />logs and events</label>
        <Legend trace={trace} />
      </header>
      <div class="body">
        <section class="rows" aria-label="Spans">
          <Axis length={trace.length} />
          <List id="spans" label="Spans" count={all.length} selected={selected}
            row={(i) => all[i].note ? <NoteRow row={all[i]} trace={trace} show={() => show(all[i].node)} /> : <SpanRow node={all[i].node} trace={trace} hit={hits.has(all[i].node)} dim={!!q && !hits.has(all[i].node)} show={() => show(all[i].node)} toggle={() => toggle(all[i].node)} />} />
          {trace.loose.length > 0 && <Loose notes={trace.loose} />}
        </section>
        {node && <Details node={node} trace={trace} show={show} />}
      </div>
    </main>
  );
}

function Legend({ trace }: { trace: Trace }) {
  if (!trace.all.some((n) => n.split)) return null;
  return <p class="legend"><i class="guest" />guest <i class="host" />host <i class="wait" />wait <i class="callee" />callees <i class="critical" />critical path</p>;
}

function Axis({ length }: { length: number }) {
  return <div class="axis span-cells" aria-hidden="true"><span /><span class="ticks">{[0, 0.25, 0.5, 0.75, 1].map((f) => <span key={f} style={{ left: f * 100 + "%" }}>{f ? duration(f * length) : "0"}</span>)}</span><span /></div>;
}

const share = (n: number, of: number) => Math.min(100, Math.max(0, (100 * n) / of)) + "%";

// indent leaves at least the half of a narrow column to the name.
const indent = (depth: number, more: number) => "min(" + (Math.min(depth, 30) * 14 + more) + "px, 50%)";

function SpanRow({ node: n, trace, hit, dim, show, toggle }: { node: Node; trace: Trace; hit: boolean; dim: boolean; show: () => void; toggle: () => void }) {
  return (
    <div class={"span-cells" + (hit ? " hit" : dim ? " faded" : "")} onClick={show}>
      <span class="label" role="gridcell" title={n.service + " " + n.name} style={{ paddingLeft: indent(n.depth, 0) }}>
        {n.children.length > 0 ? <button class="fold" aria-label={n.open ? "Fold" : "Unfold"} aria-expanded={n.open} onClick={(e) => { e.stopPropagation(); toggle(); }}>{n.open ? "▾" : "▸"}</button> : <span class="fold" />}
        <i class={"dot c" + hue(n.service)} />
        <b class={n.parent?.service === n.service ? "sr" : ""}>{n.service}</b> <span class={n.failed ? "bad" : ""}>{n.name}</span>
        {!n.open && <em> +{count(n.size - 1)}</em>}
      </span>
      <span class="time" role="gridcell">
        <span class={"bar c" + hue(n.service) + (n.failed ? " failed" : "") + (n.split ? " split" : "") + (n.running ? " running" : "")} style={{ left: share(n.start, trace.length), width: share(n.end - n.start, trace.length) }}>
          {n.split && <><span class="guest" style={{ width: n.split.guest * 100 + "%" }} /><span class="host" style={{ width: n.split.host * 100 + "%" }} /><span class="wait" style={{ width: n.split.wait * 100 + "%" }} /><span class="callee" style={{ width: n.split.callee * 100 + "%" }} /></>}
        </span>
        {n.critical.map(([a, b]) => <span key={a} class="critical" style={{ left: share(a, trace.length), width: share(b - a, trace.length) }} />)}
        {n.events.map((e, i) => i < 50 && <span key={"e" + i} class={"mark " + severity(e)} style={{ left: share(e.at, trace.length) }} title={e.text} />)}
      </span>
      <span class="num" role="gridcell">{duration(n.end - n.start)}{n.running && " …"}</span>
    </div>
  );
}

const severity = (e: Note) => (e.severity >= 17 ? "s-error" : e.severity >= 13 ? "s-warn" : e.kind === "log" ? "s-info" : "s-event");

function NoteRow({ row, trace, show }: { row: Row; trace: Trace; show: () => void }) {
  const note = row.note!;
  return (
    <div class={"span-cells note " + severity(note)} onClick={show}>
      <span class="label" role="gridcell" title={note.text} style={{ paddingLeft: indent(row.node.depth, 30) }}><span class="lead">{note.kind === "log" ? level(note.severity) : note.kind}</span> {note.text}</span>
      <span class="time" role="gridcell"><span class={"mark " + severity(note)} style={{ left: share(note.at, trace.length) }} /></span>
      <span class="num" role="gridcell">{duration(Math.max(0, note.at))}</span>
    </div>
  );
}

function Loose({ notes }: { notes: Note[] }) {
  return <details class="loose"><summary>{count(notes.length)} log lines of this trace that belong to no span here</summary>{notes.map((n, i) => <p key={i} class={severity(n)}><span class="lead">{level(n.severity)}</span> {n.text}</p>)}</details>;
}

const kinds = ["", "internal", "server", "client", "producer", "consumer"];

function Details({ node: n, trace, show }: { node: Node; trace: Trace; show: (n: Node) => void }) {
  const length = n.end - n.start;
  const own = n.critical.reduce((sum, [a, b]) => sum + b - a, 0);
  return (
    <aside class="details" aria-label="Selected span">
      <h2 class={n.failed ? "bad" : ""}>{n.name}</h2>
      <p class="dim">{n.service}{kinds[n.kind] && " · " + kinds[n.kind]}{n.scope && " · " + n.scope}</p>
      {n.message && <p class="bad">{n.message}</p>}
      <dl class="times">
        <div><dt>starts</dt><dd>+{duration(n.start)}</dd></div>
        <div><dt>{n.running ? "has taken" : "takes"}</dt><dd>{duration(length)}</dd></div>
        {own > 0 && <div><dt>critical</dt><dd>{duration(own)} ({Math.round((100 * own) / trace.length)} %)</dd></div>}
      </dl>
      {n.split && <div class="splits" aria-label="Where the time went">
        {(["guest", "host", "wait", "callee"] as const).map((k) => n.split![k] > 0 && <p key={k}><i class={k} />{k} <b>{duration(n.split![k] * length)}</b> {Math.round(n.split![k] * 100)} %</p>)}
      </div>}
      {lost(n) && <p class="dim" role="note">{lost(n)}</p>}
      {n.events.length > 0 && <section><h3>Logs and events</h3>{[...n.events].sort((a, b) => Number(b.severity >= 17) - Number(a.severity >= 17)).slice(0, mostNotes).map((e, i) => <NoteDetails key={i} note={e} from={n.start} />)}{n.events.length > mostNotes && <p class="dim">and {count(n.events.length - mostNotes)} more</p>}</section>}
      <Attributes title="Attributes" all={n.attributes} filter />
      {n.links.length > 0 && <section><h3>Links</h3>{n.links.map((l) => <p key={l.spanId}><a {...link(`/trace/${l.traceId}?span=${l.spanId}`)}>{l.traceId.slice(0, 8)}/{l.spanId}</a></p>)}</section>}
      {n.children.length > 0 && <section><h3>Calls</h3>{n.children.slice(0, 50).map((c) => <p key={c.id}><button class="plain" onClick={() => show(c)}>{c.name}</button> {duration(c.end - c.start)}</p>)}{n.children.length > 50 && <p class="dim">and {count(n.children.length - 50)} more</p>}</section>}
      <Attributes title="Resource" all={n.resource} />
    </aside>
  );
}

// mostNotes bounds the logs and events that are shown of a span.
const mostNotes = 100;

// lost says what of a span is not here.
function lost(n: Node): string {
  const all = (Object.entries(n.dropped) as [string, number][]).filter(([, lost]) => lost > 0).map(([what, lost]) => `${count(lost)} ${what}`);
  return all.length ? `not here, since there were too many: ${all.join(", ")}` : "";
}

function NoteDetails({ note, from }: { note: Note; from: number }) {
  const stack = note.attributes["exception.stacktrace"];
  const rest = Object.fromEntries(Object.entries(note.attributes).filter(([k]) => !k.startsWith("exception.") && k !== "log.iostream" && k !== "vitrine.component"));
  return (
    <div class={"notes " + severity(note)}>
      <p><span class="lead">{note.kind === "log" ? level(note.severity) : note.kind}</span> <span class="dim">+{duration(Math.max(0, note.at - from))}</span> {note.text}</p>
      {typeof stack === "string" && <pre>{stack}</pre>}
      {Object.keys(rest).length > 0 && <Table all={rest} />}
    </div>
  );
}

function Attributes({ title, all, filter }: { title: string; all: Record<string, unknown>; filter?: boolean }) {
  if (!Object.keys(all).length) return null;
  return <section><h3>{title}</h3><Table all={all} filter={filter} /></section>;
}

export function Table({ all, filter }: { all: Record<string, unknown>; filter?: boolean }) {
  return (
    <table class="attributes"><tbody>
      {Object.keys(all).sort().map((key) => {
        const v = text(all[key]);
        const simple = filter && typeof all[key] !== "object" && v.length < 200 && !v.includes('"') && !Number.isNaN(v);
        return <tr key={key}><th scope="row">{key}</th><td>{simple && (typeof all[key] !== "number" || Number.isInteger(all[key])) ? <a title="Traces with this" {...link("/traces?q=" + encodeURIComponent(`@${key}:${/\s|:/.test(v) ? `"${v}"` : v}`))}>{v}</a> : v.length > 500 ? <pre class="long">{v}</pre> : v}</td></tr>;
      })}
    </tbody></table>
  );
}
