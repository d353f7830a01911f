// What the example uses of WASI, as toolchains for components show it.
declare module "wasi:http/types@0.2.10" {
  export class Pollable {
    block(): void;
  }
  export class OutputStream {
    blockingWriteAndFlush(bytes: Uint8Array): void;
    [dispose: symbol]: () => void;
  }
  export class Fields {}
  export class IncomingRequest {
    pathWithQuery(): string | null | undefined;
  }
  export class IncomingResponse {
    status(): number;
  }
  export type Result<T> = { tag: "ok"; val: T } | { tag: "err"; val: unknown };
  export class FutureIncomingResponse {
    subscribe(): Pollable;
    get(): Result<Result<IncomingResponse>> | null | undefined;
  }
  export class OutgoingRequest {
    constructor(headers: Fields);
    setScheme(scheme: { tag: "HTTP" | "HTTPS" }): void;
    setAuthority(authority: string): void;
    setPathWithQuery(path: string): void;
  }
  export class OutgoingBody {
    write(): OutputStream;
    static finish(body: OutgoingBody, trailers: undefined): void;
  }
  export class OutgoingResponse {
    constructor(headers: Fields);
    setStatusCode(status: number): void;
    body(): OutgoingBody;
  }
  export class ResponseOutparam {
    static set(out: ResponseOutparam, response: Result<OutgoingResponse>): void;
  }
}

declare module "wasi:http/outgoing-handler@0.2.10" {
  import type { FutureIncomingResponse, OutgoingRequest } from "wasi:http/types@0.2.10";
  export function handle(request: OutgoingRequest, options: undefined): FutureIncomingResponse;
}

declare module "wasi:keyvalue/store@0.2.0-draft" {
  export class Bucket {
    get(key: string): ArrayLike<number> | null | undefined;
    set(key: string, value: Uint8Array): void;
  }
  export function open(name: string): Bucket;
}
