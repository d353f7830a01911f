// Log records, the newest first, each with the way to its trace.
import { useEffect, useState } from "preact/hooks";
import { get, type Log } from "./api";
import { clock, count, hue, level, text } from "./format";
import { List } from "./list";
import { go, link, type Live, useKeys } from "./state";
import { Table } from "./trace";

const page = 500;

export function Logs({ q, live }: { q: string; live: Live }) {
  const [logs, setLogs] = useState<Log[]>();
  const [error, setError] = useState("");
  const [selected, select] = useState(-1);
  const [more, setMore] = useState(true);
  const url = (before = "") => `/api/v1/logs?limit=${page}&q=${encodeURIComponent(q)}` + (before && "&before=" + before);
  useEffect(() => {
    select(-1);
    setLogs(undefined);
  }, [q]);
  useEffect(() => {
    const stop = new AbortController();
    get<{ logs: Log[] }>(url(), stop.signal).then(
      ({ data }) => {
        setError("");
        setLogs((old) => {
          // What is known stays below what is new, so that the place in the list does.
          const at = old?.length ? data.logs.findIndex((l) => l.at === old[0].at) : -1;
          if (!old || at < 0) {
            setMore(data.logs.length === page);
            return data.logs;
          }
          if (at > 0) select((i) => (i < 0 ? i : i + at));
          return at > 0 ? [...data.logs.slice(0, at), ...old] : old;
        });
      },
      (e) => e.name !== "AbortError" && setError(e.message),
    );
    return () => stop.abort();
  }, [q, live.version]);
  const older = () => {
    if (!more || !logs?.length) return;
    setMore(false);
    get<{ logs: Log[] }>(url(logs[logs.length - 1].at)).then(({ data }) => {
      setLogs((old) => [...(old ?? []), ...data.logs]);
      setMore(data.logs.length === page);
    }, (e) => setError(e.message));
  };
  useKeys((key) => {
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[key];
    if (by && logs?.length) {
      select((i) => Math.min(logs.length - 1, Math.max(0, i + by)));
      return true;
    }
    const l = logs?.[selected];
    if (key === "Enter" && l?.traceId) {
      go(`/trace/${l.traceId}?span=${l.spanId ?? ""}`);
      return true;
    }
  });
  const chosen = logs?.[selected];
  return (
    <main class="page logs">
      <section class="rows" aria-label="Log records">
        <p class="summary" role="status">
          {error ? <span class="bad">{error}</span> : logs ? `${count(logs.length)}${more ? "+" : ""} lines` : "…"}
          <span class="levels">{["debug", "info", "warn", "error"].map((l) => <button key={l} onClick={() => go("/logs?q=" + encodeURIComponent((q.replace(/\s*level:\S+/g, "") + " level:" + l).trim()))}>≥ {l}</button>)}</span>
        </p>
        {logs && !logs.length && !error ? <div class="empty"><p>{q ? "No line matches." : "No lines yet."}</p></div> :
          <List id="logs" label="Log records" count={logs?.length ?? 0} selected={selected} onRange={(_, to) => to >= (logs?.length ?? 0) && older()}
            row={(i) => <Line l={logs![i]} choose={() => select(i)} />} />}
      </section>
      {chosen && <aside class="details" aria-label="Selected line">
        <h2 class={chosen.severity >= 17 ? "bad" : ""}>{level(chosen.severity) || "line"} of {chosen.service}</h2>
        <p class="dim">{clock(chosen.time)}</p>
        {chosen.traceId && <p><a {...link(`/trace/${chosen.traceId}?span=${chosen.spanId ?? ""}`)}>show its trace ›</a></p>}
        <pre>{text(chosen.body)}</pre>
        <Table all={chosen.attributes} />
      </aside>}
    </main>
  );
}

function Line({ l, choose }: { l: Log; choose: () => void }) {
  return (
    <div class={"log-cells" + (l.severity >= 17 ? " s-error" : l.severity >= 13 ? " s-warn" : "")} onClick={choose}>
      <span class="time" role="gridcell">{clock(l.time)}</span>
      <span class="lead" role="gridcell">{level(l.severity)}</span>
      <span class="name" role="gridcell"><i class={"dot c" + hue(l.service)} />{l.service}</span>
      <span class="text" role="gridcell">{l.eventName && <b>{l.eventName} </b>}{text(l.body)}</span>
      <span class="to" role="gridcell">{l.traceId && <a tabIndex={-1} {...link(`/trace/${l.traceId}?span=${l.spanId ?? ""}`)}>trace ›</a>}</span>
    </div>
  );
}
