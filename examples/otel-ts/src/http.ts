// As much of wasi:http as the example needs. QuickJS has neither TextEncoder nor URL.
import { Fields, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam } from "wasi:http/types@0.2.10";
import { handle } from "wasi:http/outgoing-handler@0.2.10";

/** The status of a GET. The host adds traceparent. */
export function get(url: string): number {
  const [, scheme, authority, path] = /^(https?):\/\/([^/?#]+)([^#]*)/.exec(url) ?? [];
  if (!authority) throw new Error("url is no http URL");
  const request = new OutgoingRequest(new Fields());
  request.setScheme({ tag: scheme === "https" ? "HTTPS" : "HTTP" });
  request.setAuthority(authority);
  request.setPathWithQuery(path?.startsWith("/") ? path : `/${path ?? ""}`);
  const answer = handle(request, undefined);
  answer.subscribe().block();
  const outer = answer.get();
  if (outer?.tag !== "ok") throw new Error("no response");
  if (outer.val.tag !== "ok") throw new Error(`no response: ${JSON.stringify(outer.val.val)}`);
  return outer.val.val.status();
}

/** Answers a request with a line of text. */
export function respond(out: ResponseOutparam, status: number, text: string): void {
  const response = new OutgoingResponse(new Fields());
  response.setStatusCode(status);
  const body = response.body();
  ResponseOutparam.set(out, { tag: "ok", val: response });
  const stream = body.write();
  const bytes = utf8(`${text}\n`);
  for (let i = 0; i < bytes.length; i += 4096) stream.blockingWriteAndFlush(bytes.subarray(i, i + 4096));
  stream[(Symbol as unknown as { dispose: symbol }).dispose]!();
  OutgoingBody.finish(body, undefined);
}

/** The values in the query of a path, by their keys. */
export function query(path: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of path.slice(path.indexOf("?") + 1).split("&")) {
    const [key, value = ""] = part.split("=", 2);
    if (path.includes("?") && key) out.set(key, decode(value));
  }
  return out;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

export function utf8(s: string): Uint8Array {
  const out: number[] = [];
  for (const c of s) {
    const n = c.codePointAt(0)!;
    if (n < 0x80) out.push(n);
    else if (n < 0x800) out.push(0xc0 | (n >> 6), 0x80 | (n & 63));
    else if (n < 0x10000) out.push(0xe0 | (n >> 12), 0x80 | ((n >> 6) & 63), 0x80 | (n & 63));
    else out.push(0xf0 | (n >> 18), 0x80 | ((n >> 12) & 63), 0x80 | ((n >> 6) & 63), 0x80 | (n & 63));
  }
  return Uint8Array.from(out);
}
