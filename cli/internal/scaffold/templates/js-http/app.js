// Answers requests: GET /hello?name=you greets, anything else is 404.
import types from "wasi:http/types@0.2.10";
import stdout from "wasi:cli/stdout@0.2.10";

const { Fields, OutgoingResponse, OutgoingBody, ResponseOutparam } = types;

export const incomingHandler = {
  handle(request, out) {
    const [path, query = ""] = (request.pathWithQuery() ?? "/").split("?");
    if (request.method().tag === "get" && path === "/hello") {
      const name = query.startsWith("name=") ? query.slice(5) : "world";
      print(`greeting ${name}`);
      return answer(out, 200, `hello ${name}\n`);
    }
    return answer(out, 404, "not found\n");
  },
};

function answer(out, status, text) {
  const response = new OutgoingResponse(Fields.fromList([["content-type", utf8("text/plain")]]));
  response.setStatusCode(status);
  const body = response.body();
  ResponseOutparam.set(out, { tag: "ok", val: response });
  write(body.write(), utf8(text));
  OutgoingBody.finish(body, null);
}

function print(line) {
  write(stdout.getStdout(), utf8(line + "\n"));
}

// A stream takes 4096 bytes in one call.
function write(stream, bytes) {
  for (let i = 0; i < bytes.length; i += 4096) stream.blockingWriteAndFlush(bytes.subarray(i, i + 4096));
  stream[Symbol.dispose]();
}

// QuickJS has no TextEncoder.
function utf8(text) {
  const bytes = unescape(encodeURIComponent(text));
  return Uint8Array.from(bytes, (c) => c.charCodeAt(0));
}
