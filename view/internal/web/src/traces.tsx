// The list of traces: search, durations, services, rows.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Bucket, get, type Marker, type Summary, type TraceList } from "./api";
import { clock, count, duration, hue } from "./format";
import { List } from "./list";
import { go, link, type Live, useKeys } from "./state";

const windowSize = 200;

// useTraces has the list's totals, and the rows in sight, which it asks for in windows.
function useTraces(q: string, live: Live) {
  const [list, setList] = useState<TraceList>();
  const [error, setError] = useState("");
  const rows = useRef(new Map<number, Summary[]>());
  const range = useRef<[number, number]>([0, 0]);
  const [, redraw] = useState(0);
  const url = (offset: number) => `/api/v1/traces?limit=${windowSize}&offset=${offset}&q=${encodeURIComponent(q)}`;
  useEffect(() => {
    const stop = new AbortController();
    get<TraceList>(url(0), stop.signal).then(
      ({ data }) => {
        rows.current = new Map([[0, data.traces]]);
        setList(data);
        setError("");
        fill();
      },
      (e) => e.name !== "AbortError" && setError(e.message),
    );
    return () => stop.abort();
  }, [q, live.version]);
  function fill() {
    const [from, to] = range.current;
    for (let w = Math.floor(from / windowSize); w * windowSize < to; w++) {
      if (rows.current.has(w)) continue;
      const at = rows.current;
      at.set(w, []);
      get<TraceList>(url(w * windowSize)).then(({ data }) => {
        at.set(w, data.traces);
        redraw((n) => n + 1);
      }, () => at.delete(w));
    }
  }
  return {
    list, error,
    row: (i: number) => rows.current.get(Math.floor(i / windowSize))?.[i % windowSize],
    see(from: number, to: number) {
      range.current = [from, to];
      fill();
    },
  };
}

export function Traces({ q, live, markers }: { q: string; live: Live; markers: Marker[] }) {
  const t = useTraces(q, live);
  const [selected, select] = useState(-1);
  useEffect(() => select(-1), [q]);
  const matched = t.list?.matched ?? 0;
  useKeys((key) => {
    const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[key];
    if (move && matched) {
      select((i) => Math.min(matched - 1, Math.max(0, i + move)));
      return true;
    }
    const row = t.row(selected);
    if (key === "Enter" && row) {
      go("/trace/" + row.traceId);
      return true;
    }
  });
  const refine = (word: string) => go("/traces?q=" + encodeURIComponent((q.replace(/\s*duration:\S+/g, word.startsWith("duration:") ? "" : "$&") + " " + word).trim()));
  return (
    <main class="page traces">
      <aside aria-label="Filters">
        <h2>Durations</h2>
        <Durations buckets={t.list?.durations ?? []} pick={refine} />
        <h2>Services</h2>
        <ul class="facets">
          {t.list?.services.map((s) => (
            <li key={s.name}>
              <button onClick={() => refine("service:" + quoted(s.name))}><i class={"dot c" + hue(s.name)} />{s.name}</button>
              <span class="num">{count(s.count)}</span>
            </li>
          ))}
        </ul>
        <h2>Status</h2>
        <ul class="facets">
          <li><button onClick={() => refine("status:error")}>with errors</button><span class="num">{count((t.list?.durations ?? []).reduce((n, b) => n + b.failed, 0))}</span></li>
        </ul>
        {markers.length > 1 && <><h2>Starts and reloads</h2>
          <ul class="facets">{markers.slice(-6).reverse().map((m) => <li key={m.time} title={m.text}><span>{m.name} {clock(m.time)}</span><span class="ends"><button onClick={() => go("/traces?q=" + encodeURIComponent(without(q) + " before:" + m.time))}>before</button><button onClick={() => go("/traces?q=" + encodeURIComponent(without(q) + " after:" + m.time))}>after</button></span></li>)}</ul></>}
      </aside>
      <section class="rows" aria-label="Traces">
        <p class="summary" role="status">
          {t.error ? <span class="bad">{t.error}</span> : t.list ? `${count(matched)} trace${matched === 1 ? "" : "s"}` : "…"}
          {t.list?.partial && <span class="bad"> (there was no time to look into all of them)</span>}
        </p>
        <div class="head cells" aria-hidden="true"><span class="time">time</span><span class="name">trace</span><span class="code">status</span><span class="num">spans</span><span class="num">errors</span><span class="dur">duration</span></div>
        {t.list && !t.error && matched === 0 ? (
          <div class="empty">{q ? <p>No trace matches. <a {...link("/traces")}>Show all</a></p> : <p>No traces yet. They appear as soon as a request has been answered.</p>}</div>
        ) : (
          <List id="traces" label="Traces" count={matched} selected={selected} onRange={t.see} row={(i) => <Row s={t.row(i)} mark={between(markers, t.row(i), t.row(i + 1))} longest={longest(t.list)} />} />
        )}
      </section>
    </main>
  );
}

export const quoted = (s: string) => (/[\s":]/.test(s) ? `"${s.replace(/"/g, "")}"` : s);

const longest = (l?: TraceList) => (l?.durations.length ? l.durations[l.durations.length - 1].to : 1);

const without = (q: string) => q.replace(/\s*\b(before|after):\S+/g, "").trim();

// between is the marker between a trace and the one before it, which is the next in the list.
function between(markers: Marker[], s?: Summary, older?: Summary): Marker | undefined {
  if (!s || !older) return undefined;
  return markers.findLast((m) => Number(m.time) <= Number(s.start) && Number(m.time) > Number(older.start));
}

function Row({ s, mark, longest }: { s?: Summary; mark?: Marker; longest: number }) {
  if (!s) return <span class="cells dim">…</span>;
  // The bar is on a logarithmic scale from a microsecond, so that fast and slow traces can be told apart.
  const share = Math.max(1, (100 * Math.log10(Math.max(s.duration, 1000) / 1000 + 1)) / Math.log10(longest / 1000 + 1));
  return (
    <div class={"cells" + (mark ? " marked" : "")} data-mark={mark && `${mark.name} ${clock(mark.time)}`} data-name={mark?.name} onClick={(e) => e.defaultPrevented || go("/trace/" + s.traceId)}>
      <span class="time" role="gridcell">{clock(s.start)}</span>
      <span class="name" role="gridcell"><i class={"dot c" + hue(s.service)} title={s.service} /><a tabIndex={-1} {...link("/trace/" + s.traceId)}><b>{s.service}</b> {s.name}</a>{s.partial && <em title="The root of this trace is not here"> (part)</em>}</span>
      <span class={"code" + (s.failed ? " bad" : "")} role="gridcell">{s.code ?? (s.failed ? "error" : "")}</span>
      <span class="num" role="gridcell">{count(s.spans)}</span>
      <span class={"num" + (s.errors ? " bad" : " dim")} role="gridcell">{count(s.errors)}</span>
      <span class="dur" role="gridcell"><span class={"meter" + (s.errors ? " failed" : "")} style={{ width: share + "%" }} /><span class="value">{duration(s.duration)}</span></span>
    </div>
  );
}

function Durations({ buckets, pick }: { buckets: Bucket[]; pick: (word: string) => void }) {
  // Four buckets a doubling are many: two of them are one bar.
  const bars: Bucket[] = [];
  for (const b of buckets) {
    const last = bars[bars.length - 1];
    if (last && b.to <= last.from * 2.01) {
      last.to = b.to;
      last.count += b.count;
      last.failed += b.failed;
    } else bars.push({ ...b });
  }
  const most = Math.max(1, ...bars.map((b) => b.count));
  const us = (ns: number) => Math.round(ns / 1000) + "us";
  return (
    <ul class="durations">
      {bars.map((b) => (
        <li key={b.from}>
          <button title={`${count(b.count)} traces, ${count(b.failed)} with errors: click to filter`} onClick={() => pick(`duration:>=${us(b.from)} duration:<${us(b.to)}`)}>
            <span class="from">≥ {duration(b.from)}</span>
            <span class="bar"><span class="ok" style={{ width: (100 * (b.count - b.failed)) / most + "%" }} /><span class="failed" style={{ width: (100 * b.failed) / most + "%" }} /></span>
            <span class="num">{count(b.count)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
