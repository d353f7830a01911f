// A trace as a tree: from OTLP's spans to the rows of the waterfall.
import { attributes, type KeyValue, type Log, type TracesData } from "./api";

export interface Node {
  id: string;
  parent?: Node;
  children: Node[];
  name: string;
  service: string;
  kind: number;
  start: number; // nanoseconds after the trace's start
  end: number;
  running: boolean; // it has no end yet; end is now
  failed: boolean;
  message: string;
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
  scope: string;
  events: Note[];
  links: { traceId: string; spanId: string }[];
  dropped: { attributes: number; events: number; links: number }; // that it has lost on its way here
  depth: number;
  index: number; // in the order of the tree
  open: boolean;
  size: number; // spans below it, and itself
  critical: [number, number][]; // the parts of the critical path that are its own
  split?: Split;
}

// What is drawn at a moment of a span: an event, an exception or a log record.
export interface Note {
  at: number;
  kind: "event" | "exception" | "log";
  severity: number;
  text: string;
  attributes: Record<string, unknown>;
}

// Where the time of a call into a component went, as shares of it.
export interface Split { guest: number; host: number; wait: number; callee: number }

export interface Trace {
  begin: bigint; // nanoseconds since 1970
  length: number;
  roots: Node[];
  all: Node[]; // in the order of the tree
  services: string[];
  running: number; // spans that have no end yet
  loose: Note[]; // log records of the trace that are of no span here
}

const since = (t: string | undefined, begin: bigint) => Number(BigInt(t ?? "0") - begin);

function eventNote(name: string, at: number, list: KeyValue[] | undefined): Note {
  const a = attributes(list);
  const exception = name === "exception";
  const text = exception ? `${a["exception.type"] ?? "exception"}: ${a["exception.message"] ?? ""}` : name;
  return { at, kind: exception ? "exception" : "event", severity: exception ? 17 : 9, text, attributes: a };
}

function splitOf(a: Record<string, unknown>, length: number): Split | undefined {
  const n = (key: string) => (typeof a[key] === "number" ? (a[key] as number) * 1e9 : 0);
  const s = { guest: n("vitrine.guest.time"), host: n("vitrine.host.time"), wait: n("vitrine.wait.time"), callee: n("vitrine.callee.time") };
  const sum = s.guest + s.host + s.wait + s.callee;
  if (!sum) return undefined;
  const whole = Math.max(sum, length);
  return { guest: s.guest / whole, host: s.host / whole, wait: s.wait / whole, callee: s.callee / whole };
}

// build makes a trace of spans, of those that have not ended, which are as long as they have taken until now, and of its log records.
export function build(data: TracesData, logs: Log[], inFlight: TracesData = {}, now = 0n): Trace {
  let begin = -1n;
  const everything = [...(data.resourceSpans ?? []), ...(inFlight.resourceSpans ?? [])];
  const started = new Set((inFlight.resourceSpans ?? []).flatMap((r) => (r.scopeSpans ?? []).flatMap((s) => s.spans ?? [])));
  for (const r of everything) for (const s of r.scopeSpans ?? []) for (const x of s.spans ?? []) {
    const t = BigInt(x.startTimeUnixNano ?? "0");
    if (begin < 0n || t < begin) begin = t;
  }
  if (begin < 0n) begin = 0n;
  const byID = new Map<string, Node>();
  const nodes: [Node, string | undefined][] = [];
  for (const r of everything) {
    const resource = attributes(r.resource?.attributes);
    const service = String(resource["service.name"] ?? "unknown_service");
    for (const s of r.scopeSpans ?? []) for (const x of s.spans ?? []) {
      const start = since(x.startTimeUnixNano, begin);
      const running = started.has(x);
      if (running && byID.has(x.spanId)) continue; // it has ended meanwhile
      const end = Math.max(start, running ? Number(now - begin) : since(x.endTimeUnixNano, begin));
      const a = attributes(x.attributes);
      const n: Node = {
        id: x.spanId, children: [], name: x.name ?? "", service, kind: x.kind ?? 0, start, end, running,
        failed: x.status?.code === 2, message: x.status?.message ?? "", attributes: a, resource,
        scope: [s.scope?.name, s.scope?.version].filter(Boolean).join(" "),
        events: (x.events ?? []).map((e) => eventNote(e.name ?? "", since(e.timeUnixNano, begin), e.attributes)),
        links: x.links ?? [], dropped: { attributes: x.droppedAttributesCount ?? 0, events: x.droppedEventsCount ?? 0, links: x.droppedLinksCount ?? 0 }, depth: 0, index: 0, open: true, size: 1, critical: [], split: splitOf(a, end - start),
      };
      if (!byID.has(n.id)) byID.set(n.id, n); // of two with one identifier the first has the children
      nodes.push([n, x.parentSpanId]);
    }
  }
  const roots = adopt(nodes, byID);
  const loose: Note[] = [];
  for (const l of logs) {
    const note: Note = { at: since(l.time, begin), kind: "log", severity: l.severity, text: (l.eventName ? l.eventName + " " : "") + (typeof l.body === "string" ? l.body : JSON.stringify(l.body)), attributes: l.attributes };
    const type = l.attributes["exception.type"];
    if (type !== undefined) Object.assign(note, { kind: "exception", text: `${type}: ${l.attributes["exception.message"] ?? note.text}` });
    const span = l.spanId ? byID.get(l.spanId) : undefined;
    (span ? span.events : loose).push(note);
  }
  const all: Node[] = [];
  walk(roots, all);
  const length = Math.max(1, ...ends(all));
  for (const n of all) n.events.sort((a, b) => a.at - b.at);
  loose.sort((a, b) => a.at - b.at);
  for (const r of roots) critical(r);
  return { begin, length, roots, all, loose, services: [...new Set(all.map((n) => n.service))], running: all.filter((n) => n.running).length };
}

// ends has few values: a call may not have as many arguments as a trace has spans.
function ends(all: Node[]): number[] {
  let most = 0;
  for (const n of all) most = Math.max(most, n.end);
  return [most];
}

// adopt makes the tree. Spans whose parents are not here, or form a circle, are roots.
function adopt(nodes: [Node, string | undefined][], byID: Map<string, Node>): Node[] {
  const roots: Node[] = [];
  for (const [n, id] of nodes) {
    const p = id ? byID.get(id) : undefined;
    if (p && p !== n) n.parent = p;
  }
  const safe = new Set<Node>();
  for (const [n] of nodes) {
    const way = new Set<Node>();
    let at: Node | undefined = n;
    while (at && !safe.has(at) && !way.has(at)) {
      way.add(at);
      at = at.parent;
    }
    if (at && way.has(at)) at.parent = undefined;
    for (const w of way) safe.add(w);
  }
  for (const [n] of nodes) (n.parent ? n.parent.children : roots).push(n);
  const byStart = (a: Node, b: Node) => a.start - b.start || b.end - a.end;
  for (const [n] of nodes) n.children.sort(byStart);
  return roots.sort(byStart);
}

function walk(roots: Node[], all: Node[]) {
  const stack: Node[] = [...roots].reverse();
  while (stack.length) {
    const n = stack.pop()!;
    n.depth = n.parent ? n.parent.depth + 1 : 0;
    n.index = all.length;
    all.push(n);
    for (let i = n.children.length - 1; i >= 0; i--) stack.push(n.children[i]);
  }
  for (let i = all.length - 1; i >= 0; i--) if (all[i].parent) all[i].parent!.size += all[i].size;
}

// critical marks the critical path: going back from the end of a span, at each moment the child that ended last, else the span itself.
function critical(root: Node) {
  const work: [Node, number, number][] = [[root, root.start, root.end]];
  while (work.length) {
    const [n, from, to] = work.pop()!;
    let at = to;
    const children = n.children.filter((c) => c.end > from && c.start < to).sort((a, b) => b.end - a.end);
    for (const c of children) {
      const end = Math.min(c.end, at);
      const start = Math.max(c.start, from);
      if (end <= start) continue;
      if (c.end > at && c.start < at && c.end > to) continue; // goes on after its parent, which did not wait for it
      if (end < at) n.critical.push([end, at]);
      work.push([c, start, end]);
      at = start;
      if (at <= from) break;
    }
    if (at > from) n.critical.push([from, at]);
  }
}

// Row is a line of the waterfall.
export type Row = { node: Node; note?: Note };

export function rows(t: Trace, notes: boolean): Row[] {
  const out: Row[] = [];
  for (let i = 0; i < t.all.length; ) {
    const n = t.all[i];
    out.push({ node: n });
    if (notes && n.open) for (const note of n.events) out.push({ node: n, note });
    i += n.open ? 1 : n.size;
  }
  return out;
}

export function matches(n: Node, q: string): boolean {
  const has = (s: unknown) => String(s).toLowerCase().includes(q);
  if (has(n.name) || has(n.service) || n.events.some((e) => has(e.text))) return true;
  for (const key in n.attributes) if (has(key) || has(n.attributes[key])) return true;
  return false;
}
