// The map of components as a graph in layers: triggers, components by who calls whom, capabilities and other servers.
import type { ComponentMap, Traffic } from "./api";

export interface MapNode { id: string; kind: "trigger" | "component" | "capability" | "server" | "service"; name: string; within: string; component?: string; layer: number; x: number; y: number }
export interface MapEdge { from: MapNode; to: MapNode; what: string[]; count: number; errors: number; rate: number; p50: number | null; p99: number | null; label?: number }
export interface Graph { nodes: MapNode[]; edges: MapEdge[]; width: number; height: number }

export const nodeWidth = 184, nodeHeight = 46;
export const gapX = 168, gapY = 22;

// Interfaces that almost every component imports, and that say nothing about it.
const everyday = /^wasi:(io|cli|clocks|random)\/|^wasi:http\/types|^wasi:filesystem\/types/;

const packageOf = (name: string) => (name.includes("/") ? name.slice(0, name.indexOf("/")) : name || "functions");
const slow = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));

export function graph(m: ComponentMap, everything: boolean): Graph {
  const nodes = new Map<string, MapNode>(), edges = new Map<string, MapEdge>();
  const node = (id: string, kind: MapNode["kind"], name: string, within = "", component?: string) => {
    let n = nodes.get(id);
    if (!n) nodes.set(id, (n = { id, kind, name, within, component, layer: 0, x: 0, y: 0 }));
    return n;
  };
  const edge = (from: MapNode, to: MapNode, what: string, t?: Traffic) => {
    const key = from.id + "\0" + to.id;
    let e = edges.get(key);
    if (!e) edges.set(key, (e = { from, to, what: [], count: 0, errors: 0, rate: 0, p50: null, p99: null }));
    if (what && !e.what.includes(what)) e.what.push(what);
    if (t) Object.assign(e, { count: e.count + t.count, errors: e.errors + t.errors, rate: e.rate + t.rate, p50: slow(e.p50, t.p50), p99: slow(e.p99, t.p99) });
  };
  for (const w of m.workloads) {
    const called = new Set(w.calls.map((c) => c.to).filter(Boolean));
    const part = (path: string) => {
      const owner = w.components.find((c) => path === c.name || path.startsWith(c.name + "/"))?.name ?? path;
      return node(w.id + ":" + path, "component", path === owner ? path : path.slice(owner.length + 1), path === owner ? w.id : "in " + owner, w.id + ":" + owner);
    };
    // What events reach of a component: the part of it that no other part calls, or itself.
    const entries = (name: string) => {
      const parts = [...new Set(w.calls.map((c) => c.from).filter((p) => p.startsWith(name + "/") && !called.has(p)))];
      return w.calls.some((c) => c.from === name) || !parts.length ? [part(name)] : parts.map(part);
    };
    for (const c of w.components) entries(c.name);
    for (const c of w.calls) {
      if (c.to) {
        edge(part(c.from), part(c.to), c.interface, m.traffic.find((t) => t.kind === "guest" && t.to === c.to && t.interface === c.interface));
        continue;
      }
      if (!everything && everyday.test(c.interface)) continue;
      const name = packageOf(c.interface);
      edge(part(c.from), node("host:" + name, "capability", name, "host"), c.interface, m.traffic.find((t) => t.kind === "host" && t.from === c.from && t.interface === c.interface));
    }
    for (const t of w.triggers) {
      const way = [...(t.chain ?? []), t.component ?? ""].filter(Boolean);
      if (!way.length) continue;
      const from = node(w.id + ":trigger:" + t.type, "trigger", t.type, "trigger");
      for (const to of entries(way[0])) edge(from, to, t.detail ?? "", edges.has(from.id + "\0" + to.id) ? undefined : m.traffic.find((x) => x.kind === "event" && x.to === way[way.length - 1]));
    }
    for (const t of m.traffic) {
      const c = w.components.find((c) => t.kind === "client" && (t.from === c.name || t.from?.startsWith(c.name + "/")));
      if (c && t.to) edge(entries(c.name)[0], node("server:" + t.to, "server", t.to, "server"), "http", t);
    }
    for (const c of w.components) for (const g of c.grants) if (g.name === "http") {
      const host = g.value!.replace(/^[a-z]+:\/\//, "").replace(/[/].*$/, "").replace(/:[^:\]]*$/, "");
      edge(entries(c.name)[0], node("server:" + host, "server", host, "granted server"), g.value!);
    }
  }
  for (const t of m.traffic) {
    if (t.kind !== "service" || !t.from || !t.to) continue;
    const end = (name: string) => [...nodes.values()].find((n) => n.component?.endsWith(":" + name)) ?? [...nodes.values()].find((n) => n.kind === "server" && n.name === name) ?? node("service:" + name, "service", name, "service");
    const a = end(t.from), b = end(t.to);
    if (a !== b && !edges.has(a.id + "\0" + b.id)) edge(a, b, "spans", t);
  }
  return place([...nodes.values()], [...edges.values()]);
}

// place gives nodes their layers and places: a node is behind all that call it, capabilities are last, and nodes of a layer are in an order in which
// few edges cross.
function place(nodes: MapNode[], edges: MapEdge[]): Graph {
  for (let round = 0; round < nodes.length; round++) {
    let moved = false;
    for (const e of edges) if (e.to.layer <= e.from.layer && e.from.layer < nodes.length && round < 40) (e.to.layer = e.from.layer + 1), (moved = true);
    if (!moved) break;
  }
  const last = Math.max(0, ...nodes.map((n) => (n.kind === "capability" || n.kind === "server" ? 0 : n.layer))) + 1;
  for (const n of nodes) if (n.kind === "capability" || n.kind === "server") n.layer = last;
  const used = [...new Set(nodes.map((n) => n.layer))].sort((a, b) => a - b);
  for (const n of nodes) n.layer = used.indexOf(n.layer);
  const layers: MapNode[][] = used.map((_, i) => nodes.filter((n) => n.layer === i));
  const row = new Map<MapNode, number>();
  for (const l of layers) l.forEach((n, i) => row.set(n, i));
  for (let round = 0; round < 6; round++)
    for (const l of layers) {
      const middle = (n: MapNode) => {
        const at = edges.flatMap((e) => (e.from === n ? [row.get(e.to)!] : e.to === n ? [row.get(e.from)!] : []));
        return at.length ? at.reduce((a, b) => a + b, 0) / at.length : row.get(n)!;
      };
      const by = new Map(l.map((n) => [n, middle(n)]));
      l.sort((a, b) => by.get(a)! - by.get(b)! || a.id.localeCompare(b.id));
      l.forEach((n, i) => row.set(n, i));
    }
  const most = Math.max(1, ...layers.map((l) => l.length));
  const height = most * (nodeHeight + gapY) + gapY;
  layers.forEach((l, i) => {
    const free = height - l.length * (nodeHeight + gapY) - gapY;
    l.forEach((n, j) => ((n.x = 12 + i * (nodeWidth + gapX)), (n.y = gapY + free / 2 + j * (nodeHeight + gapY))));
  });
  // Figures stand right of where lines begin, in the order of where they lead, so that they do not cover each other.
  for (const n of nodes) {
    const out = edges.filter((e) => e.from === n && e.count > 0).sort((a, b) => a.to.y - b.to.y);
    out.forEach((e, i) => (e.label = out.length > 5 ? undefined : n.y + nodeHeight / 2 + 4 + (i - (out.length - 1) / 2) * 14));
  }
  return { nodes, edges, width: 24 + layers.length * nodeWidth + Math.max(0, layers.length - 1) * gapX, height };
}
