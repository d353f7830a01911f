// The place in the app, and what the server says has changed.
import { useEffect, useRef, useState } from "preact/hooks";
import type { InFlight } from "./api";

export interface Place { path: string; query: URLSearchParams }

const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });
const listeners = new Set<() => void>();
addEventListener("popstate", () => listeners.forEach((f) => f()));

// go shows another page. With replace the way back leaves out this one.
export function go(url: string, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", url);
  listeners.forEach((f) => f());
}

export function usePlace(): Place {
  const [place, set] = useState(here);
  useEffect(() => {
    const f = () => set(here());
    listeners.add(f);
    return () => void listeners.delete(f);
  }, []);
  return place;
}

// link makes an anchor go without loading the page again.
export function link(href: string) {
  return {
    href,
    onClick(e: MouseEvent) {
      if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
      e.preventDefault();
      go(href);
    },
  };
}

// inFlight are the spans that have begun and have not ended, and flight counts their changes.
export type Live = { version: number; inFlight: InFlight; flight: number; connected: boolean; paused: boolean; toggle(): void };

const none: InFlight = { count: 0, spans: [] };

// Told is what the window that is connected tells the others; of kind hello, what one says that has come.
type Told = { kind: "hello" | "connected" | "change" | "inflight"; data: string };

// useLive counts the changes that the server tells of, unless it is paused.
export function useLive(): Live {
  const [version, setVersion] = useState(0);
  const [{ inFlight, flight }, setInFlight] = useState({ inFlight: none, flight: 0 });
  const [connected, setConnected] = useState(false);
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    if (paused) return;
    let events: EventSource | undefined;
    let channel: BroadcastChannel | undefined;
    let leave = () => {};
    let last = "";
    const said = new Map<string, Told>(); // the last of each kind, for windows that come later
    const take = (told: Told) => {
      if (told.kind === "connected") setConnected(told.data === "yes");
      if (told.kind === "change") {
        if (told.data !== last) setVersion((n) => n + 1);
        last = told.data;
      }
      if (told.kind === "inflight") {
        const inFlight = JSON.parse(told.data) as InFlight;
        setInFlight((old) => ({ inFlight, flight: old.flight + 1 }));
      }
    };
    const tell = (told: Told) => {
      said.set(told.kind, told);
      channel?.postMessage(told);
      take(told);
    };
    const connect = () => {
      events = new EventSource("/api/v1/events");
      events.onopen = () => tell({ kind: "connected", data: "yes" });
      events.onerror = () => tell({ kind: "connected", data: "no" });
      events.onmessage = (e) => tell({ kind: "change", data: e.data });
      events.addEventListener("inflight", (e) => tell({ kind: "inflight", data: (e as MessageEvent<string>).data }));
    };
    // A browser has six connections to a server for all its windows, and pages that it keeps for the way back hold theirs: one that is not seen gives
    // its own up, and of those that are seen one, which has the lock, tells the others. Where the browser has no locks (for http elsewhere than
    // on this machine) each has its own.
    let opened = false;
    const open = () => {
      if (opened || document.hidden) return;
      opened = true;
      if (!navigator.locks) {
        leave = () => {};
        return connect();
      }
      channel = new BroadcastChannel("events");
      channel.onmessage = (e: MessageEvent<Told>) => {
        if (e.data.kind !== "hello") take(e.data);
        else if (events) for (const told of said.values()) channel?.postMessage(told);
      };
      channel.postMessage({ kind: "hello", data: "" });
      const waiting = new AbortController();
      leave = () => waiting.abort();
      navigator.locks
        .request("events", { signal: waiting.signal }, () => {
          connect();
          return new Promise<void>((release) => (leave = release));
        })
        .catch(() => {}); // it has left before its turn
    };
    const close = () => {
      opened = false;
      events?.close();
      events = undefined;
      channel?.close();
      channel = undefined;
      said.clear();
      leave();
    };
    const seen = () => (document.hidden ? close() : open());
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    document.addEventListener("visibilitychange", seen);
    open();
    return () => {
      removeEventListener("pagehide", close);
      removeEventListener("pageshow", open);
      document.removeEventListener("visibilitychange", seen);
      close();
    };
  }, [paused]);
  return { version, inFlight, flight, connected, paused, toggle: () => setPaused((p) => !p) };
}

// useKeys calls f for keys that are not for an input field.
export function useKeys(f: (key: string, e: KeyboardEvent) => boolean | void) {
  const latest = useRef(f);
  latest.current = f;
  useEffect(() => {
    const on = (e: KeyboardEvent) => {
      const t = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
      if (t.tagName === "INPUT" || t.tagName === "TEXTAREA") return;
      if (latest.current(e.key, e)) e.preventDefault();
    };
    addEventListener("keydown", on);
    return () => removeEventListener("keydown", on);
  }, []);
}
