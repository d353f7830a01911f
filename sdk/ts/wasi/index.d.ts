import type { Host } from "@vitrine-wasm/otel";

/** The host's functions. The component's world has to import all of wit/world.wit. */
export const host: Required<Omit<Host, "int64">>;
