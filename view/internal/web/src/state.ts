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

// useLive counts the changes that the server tells of, unless it is paused.
export function useLive(): Live {
  const [version, setVersion] = useState(0);
  const [{ inFlight, flight }, setInFlight] = useState({ inFlight: none, flight: 0 });
  const [connected, setConnected] = useState(false);
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    if (paused) return;
    let events: EventSource | undefined;
    let last = "";
    // A browser has six connections to a server for all its tabs, and pages that it keeps for the way back hold theirs: one that is not seen gives its own up.
    const close = () => {
      events?.close();
      events = undefined;
    };
    const open = () => {
      if (events || document.hidden) return;
      events = new EventSource("/api/v1/events");
      events.onopen = () => setConnected(true);
      events.onerror = () => setConnected(false);
      events.onmessage = (e) => {
        if (e.data !== last) setVersion((n) => n + 1);
        last = e.data;
      };
      events.addEventListener("inflight", (e) => {
        const inFlight = JSON.parse((e as MessageEvent<string>).data) as InFlight;
        setInFlight((old) => ({ inFlight, flight: old.flight + 1 }));
      });
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
