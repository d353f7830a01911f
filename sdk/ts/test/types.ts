// What a user writes has these types; tsc alone checks it.
import type { Context, Span } from "@opentelemetry/api";
import { HostContextManager, HostSpanProcessor, Link, start, type Host, type Otel, type Stats, type WitSpan } from "../dist/index.js";

const host: Host = { tracing: { onStart() {}, onEnd(span: WitSpan) { span.startTime.seconds; } } };
const otel: Otel = start(host, { name: "types", metrics: { temporality: "cumulative", maxPoints: 10 } });
const n: number = otel.request((ctx: Context) => otel.span("s", { parent: ctx }, (span: Span) => (span.addEvent("e"), 1)));
const p: Promise<string> = otel.request(async () => otel.span("s", async (_, ctx) => ctx.getValue as never as string));
const stats: Readonly<Stats> = otel.stats;
new HostSpanProcessor(new Link({}));
new HostContextManager(new Link({})).with(otel.contextManager.active(), (a: number) => a + 1, undefined, n + stats.late);
// @ts-expect-error a temporality that there is not
start(host, { metrics: { temporality: "low-memory" } });
// @ts-expect-error a host without on-end
start({ tracing: { onStart() {} } });
export { p };
