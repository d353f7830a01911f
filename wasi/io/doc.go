// Package wasiio holds streams and events as WASI thinks of them, in ordinary Go: bytes that are there now or not yet,
// and things that one can wait for, many at once.
//
// An [InputStream] or [OutputStream] never blocks by itself. What blocks underneath (a pipe, a connection, a body) is
// read and written by [Reader] and [Writer], which keep a bounded buffer and start a goroutine only while an operation
// is under way, so that back-pressure reaches the other side and nothing is left behind when a stream is dropped. What
// answers at once (a file, standard output) goes straight through.
//
// Streams end with [io.EOF] when they are closed. Any other error is reported once, and the stream is closed from then on.
// All types are safe for concurrent use unless they say otherwise.
package wasiio
