// What app.ts uses of the interfaces in wit/, and of the streams and futures that componentize-qjs makes of WIT's.
interface Readable<T> {
  read(): Promise<T>;
  drop?(): void;
}
interface Writable<T> {
  writeAll(value: T): Promise<void>;
  drop(): void;
}

declare const wit: {
  Stream: { (type: unknown): { readable: Readable<Uint8Array>; writable: Writable<Uint8Array> }; readonly U8: unknown };
  Future: { from(value: unknown, type: unknown): { readable: Readable<unknown> }; readonly RESULT_OPTION_OTHER_ERROR_CODE: unknown };
};

declare function unescape(text: string): string;

declare module "wasi:http/types@0.3.0" {
  export interface Fields {}
  export interface Request {
    getMethod(): { tag: string };
    getPathWithQuery(): string | null;
  }
  export interface Response {
    setStatusCode(status: number): void;
  }
  const types: {
    Fields: { fromList(entries: [string, Uint8Array][]): Fields };
    Response: { new: (headers: Fields, body: AsyncIterable<Uint8Array>, trailers: Readable<unknown>) => [Response, Readable<unknown>] };
  };
  export default types;
}

declare module "wasi:cli/stdout@0.3.0" {
  const stdout: { writeViaStream(data: Readable<Uint8Array>): Readable<unknown> };
  export default stdout;
}
