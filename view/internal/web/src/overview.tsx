// What is asked for, how often, how fast, and what of it fails.
import { useEffect, useState } from "preact/hooks";
import { get, type Group, type TraceList } from "./api";
import { count, duration, hue } from "./format";
import { go, link, type Live } from "./state";
import { quoted } from "./traces";

const spans: [string, string, number][] = [["1m", "last minute", 60], ["5m", "5 minutes", 300], ["1h", "hour", 3600], ["24h", "day", 86400]];

const rate = (r: number) => (r < 0.01 ? "< 0.01" : r.toFixed(r < 10 ? 2 : 0));

export function Overview({ since, live }: { since: string; live: Live }) {
  const [list, setList] = useState<TraceList>();
  const [error, setError] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    get<TraceList>(`/api/v1/traces?limit=0&q=since:${since}`, stop.signal).then(({ data }) => (setList(data), setError("")), (e) => e.name !== "AbortError" && setError(e.message));
    return () => stop.abort();
  }, [since, live.version]);
  const seconds = spans.find((s) => s[0] === since)?.[2] ?? 300;
  const where = (g: Group) => `service:${quoted(g.service)} name:${quoted(g.name)} since:${since}`;
  return (
    <main class="page overview">
      <p class="summary" role="status">
        {error ? <span class="bad">{error}</span> : list ? `${count(list.matched)} traces` : "…"}
        <span class="levels">{spans.map(([s, name]) => <button key={s} aria-pressed={s === since} onClick={() => go("/?since=" + s)}>{name}</button>)}</span>
      </p>
      {list && !list.groups.length ? <div class="empty"><p>Nothing in this time. Send a request, or choose a longer time.</p></div> :
        <table class="red">
          <thead><tr><th scope="col">what</th><th scope="col">traces</th><th scope="col">a second</th><th scope="col">errors</th><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th></tr></thead>
          <tbody>
            {list?.groups.slice(0, 200).map((g) => (
              <tr key={g.service + "\0" + g.name}>
                <th scope="row"><i class={"dot c" + hue(g.service)} /><a {...link("/traces?q=" + encodeURIComponent(where(g)))}><b>{g.service}</b> {g.name}</a></th>
                <td>{count(g.count)}</td>
                <td>{rate(g.count / seconds)}</td>
                <td class={g.errors ? "bad" : "dim"}>{g.errors ? <a {...link("/traces?q=" + encodeURIComponent(where(g) + " status:error"))}>{((100 * g.errors) / g.count).toFixed(1)} %</a> : "0"}</td>
                <td>{duration(g.p50)}</td><td>{duration(g.p95)}</td><td>{duration(g.p99)}</td>
              </tr>
            ))}
          </tbody>
        </table>}
    </main>
  );
}
