// Answers requests: GET /hello?name=you greets, GET /count?n=3 counts while its answer is read, anything else is 404.
import stdout from "wasi:cli/stdout@0.3.0";
import types, { type Request, type Response } from "wasi:http/types@0.3.0";

export const handler = {
  async handle(request: Request): Promise<Response> {
    const [path, query = ""] = (request.getPathWithQuery() ?? "/").split("?");
    if (request.getMethod().tag === "get" && path === "/hello") {
      const name = query.startsWith("name=") ? query.slice(5) : "world";
      await print(`greeting ${name}`);
      return answer(200, [`hello ${name}\n`]);
    }
    if (request.getMethod().tag === "get" && path === "/count") {
      return answer(200, count(query.startsWith("n=") ? Number(query.slice(2)) : 3));
    }
    return answer(404, ["not found\n"]);
  },
};

function* count(n: number) {
  for (let i = 1; i <= n; i++) yield `${i}\n`;
}

// The body is written while it is read, after the answer was returned.
function answer(status: number, texts: Iterable<string> | AsyncIterable<string>): Response {
  const body = (async function* () {
    for await (const text of texts) yield utf8(text);
  })();
  const trailers = wit.Future.from({ tag: "ok", val: null }, wit.Future.RESULT_OPTION_OTHER_ERROR_CODE);
  const [response, sent] = types.Response.new(types.Fields.fromList([["content-type", utf8("text/plain")]]), body, trailers.readable);
  sent.drop?.();
  response.setStatusCode(status);
  return response;
}

async function print(line: string) {
  const { readable, writable } = wit.Stream(wit.Stream.U8);
  const done = stdout.writeViaStream(readable);
  await writable.writeAll(utf8(line + "\n"));
  writable.drop();
  await done.read();
  done.drop?.();
}

// QuickJS has no TextEncoder.
function utf8(text: string): Uint8Array {
  return Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
}
