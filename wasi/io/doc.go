// Package wasiio has the streams and pollables of WASI as plain Go: non-blocking streams of bytes, and events of which a
// guest can wait for many at once.
//
// An [InputStream] or [OutputStream] never blocks by itself. A source or destination that blocks (a pipe, a connection, a
// body) is read and written by [Reader] and [Writer], which keep a bounded buffer and run a goroutine only while an
// operation is under way, so that back-pressure reaches the other side and a dropped stream leaves nothing behind. One that
// returns at once (a file, standard output) is called directly.
//
// Streams end with [io.EOF] when they are closed. Any other error is reported once, and the stream is closed from then on.
// All types are safe for concurrent use unless they say otherwise.
package wasiio
