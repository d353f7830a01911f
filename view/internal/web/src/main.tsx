// The viewer's page.
import { type ComponentType, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Marker, type Status } from "./api";
import { bytes, clock, count } from "./format";
import { Logs } from "./logs";
import { Overview } from "./overview";
import { go, link, useKeys, useLive, usePlace } from "./state";
import { TracePage } from "./trace";
import { Traces } from "./traces";

const pages: [string, string, string][] = [["/", "Overview", "o"], ["/traces", "Traces", "t"], ["/logs", "Logs", "l"], ["/metrics", "Metrics", "m"], ["/components", "Components", "c"]];

// lazy is a page whose script is loaded when it is first shown.
function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return function Lazy(props: P) {
    const [loaded, set] = useState<{ page?: ComponentType<P>; error?: string }>({});
    useEffect(() => void load().then((m) => set({ page: m.default }), (e) => set({ error: String(e) })), []);
    const Page = loaded.page;
    return Page ? <Page {...props} /> : <main class="page"><p class="empty">{loaded.error ?? "…"}</p></main>;
  };
}

const Metrics = lazy(() => import("./metrics"));
const Components = lazy(() => import("./components"));

function App() {
  const { path, query } = usePlace();
  const live = useLive();
  const [status, setStatus] = useState<Status>();
  const [marks, setMarks] = useState<{ run: string; marks: Marker[] }>({ run: "", marks: [] });
  const [help, setHelp] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => void get<Status>("/api/v1/status").then(({ data }) => setStatus(data), () => {}), [live.version]);
  useEffect(() => void get<{ run: string; marks: Marker[] }>("/api/v1/marks").then(({ data }) => setMarks((old) => (old.marks.length === data.marks.length && old.run === data.run ? old : data)), () => {}), [live.version]);
  useEffect(() => void (document.title = (status?.title ? status.title + " · " : "") + "Vitrine"), [status?.title]);
  const searches = path === "/traces" || path === "/logs";
  const q = query.get("q") ?? "";
  const [typed, type] = useState(q);
  useEffect(() => type(q), [q, path]);
  useKeys((key) => {
    const to = pages.find((p) => p[2] === key);
    if (to) return go(to[0]), true;
    if (key === "/" && searches) return search.current?.focus(), true;
    if (key === "p") return live.toggle(), true;
    if (key === "?") return setHelp((h) => !h), true;
    if (key === "Escape" && help) return setHelp(false), true;
  });
  const trace = /^\/trace\/([0-9a-f]{32})$/.exec(path);
  const losses = status?.dropped ?? [];
  const sum = (rate: boolean) => losses.reduce((n, d) => n + ((d.reason === "rate") === rate ? Number(d.count) : 0), 0);
  const dropped = sum(false), skipped = sum(true);
  return (
    <>
      <nav aria-label="Pages">
        {!trace && path !== "/metrics" && <h1 class="sr">{pages.find((p) => p[0] === path)?.[1] ?? "Vitrine"}</h1>}
        <strong>Vitrine{status?.title && <span> {status.title}</span>}</strong>
        {pages.map(([href, name, key]) => <a key={href} {...link(href)} aria-current={path === href || (href === "/traces" && trace) ? "page" : undefined} title={`key ${key}`}>{name}</a>)}
        {searches && (
          <form role="search" onSubmit={(e) => { e.preventDefault(); go(path + (typed.trim() ? "?q=" + encodeURIComponent(typed.trim()) : "")); search.current?.blur(); }}>
            <input ref={search} type="search" aria-label="Search" value={typed} onInput={(e) => type(e.currentTarget.value)} onKeyDown={(e) => e.key === "Escape" && e.currentTarget.blur()}
              placeholder={path === "/logs" ? "words, level:warn, service:shop  (/)" : "words, service:shop, status:error, duration:>100ms, @key:value  (/)"} />
          </form>
        )}
        <span class="fill" />
        {skipped > 0 && <span class="dim" title="Of a process that begins more than 100 traces a second not all are recorded">{count(skipped)} not recorded</span>}
        {dropped > 0 && <span class="bad" title={losses.filter((d) => d.reason !== "rate").map((d) => `${d.signal}: ${d.count} ${d.reason}`).join("\n")}>{count(dropped)} dropped</span>}
        {status?.problem && <span class="bad" role="alert" title={`since ${clock(status.problem.since)}: ${status.problem.text}`}>cannot store</span>}
        {status && status.damagedFiles + status.newerFiles > 0 && <span class="dim" title={[status.damagedFiles && `${status.damagedFiles} damaged: what was in them is lost`, status.newerFiles && `${status.newerFiles} of a newer version of Vitrine, which stay for it`].filter(Boolean).join("\n")}>{count(status.damagedFiles + status.newerFiles)} file{status.damagedFiles + status.newerFiles === 1 ? "" : "s"} not read</span>}
        {status?.forward && <span class={status.forward.problem ? "bad" : "dim"} title={`${status.forward.to}: ${count(Number(status.forward.sent))} sent, ${count(status.forward.waiting)} requests wait${status.forward.problem ? "\n" + status.forward.problem : ""}`}>{status.forward.problem ? "cannot forward" : "forwards"}</span>}
        {status && <span class="dim" title={`of at most ${bytes(Number(status.maxBytes))}; ${count(Number(status.evicted))} traces were removed to make room`}>{count(status.traces)} trace{status.traces === 1 ? "" : "s"}, {bytes(Number(status.bytes))}</span>}
        <button onClick={live.toggle} aria-pressed={!live.paused} class={live.paused ? "" : live.connected ? "on" : "bad"} title="key p">{live.paused ? "paused" : live.connected ? "live" : "not connected"}</button>
        <Theme />
        <button onClick={() => setHelp(!help)} aria-label="Keys" title="key ?">?</button>
      </nav>
      {help && <Help close={() => setHelp(false)} />}
      {trace ? <TracePage key={trace[1]} id={trace[1]} span={query.get("span") ?? ""} live={live} />
        : path === "/traces" ? <Traces q={q} live={live} markers={marks.marks} />
        : path === "/logs" ? <Logs q={q} live={live} />
        : path === "/metrics" ? <Metrics query={query} live={live} markers={marks.marks} />
        : path === "/components" ? <Components query={query} live={live} />
        : path === "/" ? <Overview since={query.get("since") ?? "5m"} compare={query.get("compare") ?? ""} live={live} markers={marks.marks} />
        : <main class="page"><p class="empty">There is no such page. <a {...link("/")}>Overview</a></p></main>}
    </>
  );
}

function Theme() {
  const [theme, set] = useState(localStorage.getItem("theme") ?? "");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  const next = { "": "light", light: "dark", dark: "" }[theme] ?? "";
  return <button onClick={() => set(next)} aria-label={"Colours: " + (theme || "of the system")} title={theme || "as the system"}>{{ "": "◐", light: "○", dark: "●" }[theme]}</button>;
}

const keys: [string, string][] = [
  ["o t l m c", "overview, traces, logs, metrics, components"], ["/", "search"], ["j k", "next and previous row"], ["Enter", "open"], ["← →", "fold and unfold a span"],
  ["f", "search in a trace"], ["n N", "next and previous match"], ["e E", "next and previous error"], ["g", "logs and events in a trace"], ["p", "pause and go on"], ["Esc", "back"],
];

function Help({ close }: { close: () => void }) {
  return <dialog open class="help" aria-label="Keys"><h2>Keys</h2><dl>{keys.map(([k, what]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{what}</dd></div>)}</dl><button onClick={close}>close</button></dialog>;
}

render(<App />, document.getElementById("app")!);
