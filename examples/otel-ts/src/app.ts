// An HTTP component (WASI 0.2) that tells of itself by OpenTelemetry. See README.md.
import type { IncomingRequest, ResponseOutparam } from "wasi:http/types@0.2.10";
import { open } from "wasi:keyvalue/store@0.2.0-draft";
import { metrics, ValueType } from "@opentelemetry/api";
import { logs, SeverityNumber } from "@opentelemetry/api-logs";
import { start } from "@vitrine-wasm/otel";
import { host } from "@vitrine-wasm/otel/wasi";
import { get, query, respond, utf8 } from "./http.js";

const otel = start(host, { name: "order" });
const meter = metrics.getMeter("order");
const orders = meter.createCounter("orders", { valueType: ValueType.INT });
const value = meter.createHistogram("order.value");

export const incomingHandler = {
  handle(request: IncomingRequest, out: ResponseOutparam): void {
    otel.request(() => {
      const path = request.pathWithQuery() ?? "/";
      try {
        switch (path.split("?", 1)[0]) {
          case "/order": {
            const q = query(path);
            return respond(out, 200, order(q.get("item") ?? "apple", Number(q.get("n") ?? 1) || 1, q.get("url")));
          }
          case "/fail":
            return fail();
        }
        respond(out, 404, "routes: /order?item=&n=&url= /fail");
      } catch (e) {
        respond(out, 500, e instanceof Error ? e.message : String(e));
      }
    });
  },
};

/** Orders n of an item: asks for its price, and the stock at url for it. */
function order(item: string, n: number, url: string | undefined): string {
  return otel.span("order", { attributes: { item, n, gift: false, weights: [0.5, 1.25] } }, (span) => {
    span.addEvent("order received");
    info(`ordering ${n} ${item}`);
    const total = price(item) * n;
    if (url) info(`stock answered ${get(url)}`);
    orders.add(1, { item });
    value.record(total);
    return `${n} ${item}: ${total.toFixed(2)}`;
  });
}

/** The price of an item, which is 3 unless the store has another. */
function price(item: string): number {
  return otel.span("price", (span) => {
    const bucket = open("default");
    const key = `price/${item}`;
    const found = bucket.get(key);
    if (!found) bucket.set(key, utf8("3"));
    const text = found ? String.fromCharCode(...Array.from(found)) : "3";
    const price = Number(text);
    if (Number.isNaN(price)) throw new Error(`the price of ${item} is no number: ${text}`);
    span.addEvent("price found");
    info(`price of ${item} is ${price}`);
    return price;
  });
}

/** Fails: the span says so, with an exception event and an error as its status. */
function fail(): never {
  return otel.span("fail", () => {
    throw new Error("told to fail");
  });
}

/** Logs in the active span. */
function info(body: string): void {
  logs.getLogger("order").emit({ severityNumber: SeverityNumber.INFO, severityText: "INFO", body });
}
