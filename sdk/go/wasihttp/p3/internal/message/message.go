// Package message is what requests and responses of wasi:http 0.3 have in common, in both directions: fields, and bodies, which are streams with a future of what
// follows them.
package message

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/answer"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/internal/bindings"
)

type (
	// Trailers are what follows a body, or why it is cut.
	Trailers = cabi.Result[*bindings.Fields, bindings.ErrorCode]
	// Outcome is whether a body was taken as it should be.
	Outcome = cabi.Result[struct{}, bindings.ErrorCode]
)

// NewFields makes fields of a header, without those that belong to the host.
func NewFields(h http.Header) (bindings.Fields, error) {
	return bindings.FieldsFromList(head.Fields(h))
}

// HeaderOf reads fields, and drops them.
func HeaderOf(f bindings.Fields) http.Header {
	defer f.Drop()
	return head.Header(f.CopyAll())
}

// MethodName is a method as HTTP spells it.
func MethodName(m bindings.Method) string {
	if m.Tag == bindings.MethodTagOther {
		return m.Other
	}
	return strings.ToUpper(m.Tag.String())
}

// MethodOf is the reverse of MethodName.
func MethodOf(name string) bindings.Method {
	for tag := bindings.MethodTagGet; tag < bindings.MethodTagOther; tag++ {
		if m := (bindings.Method{Tag: tag}); MethodName(m) == name {
			return m
		}
	}
	if name == "" {
		return bindings.MethodGet()
	}
	return bindings.MethodOther(name)
}

// errDone is the error of using a body that is closed.
var errDone = errors.New("wasihttp: the body is closed")

// Reader reads a body. It takes it from its message when it is first read. It may be closed while another goroutine reads, which that ends.
type Reader struct {
	ctx      context.Context
	cancel   context.CancelFunc
	reading  bool
	take     func(*async.FutureReader[Outcome]) (*async.StreamReader[byte], *async.FutureReader[Trailers])
	drop     func()
	trailers func(http.Header)
	stream   *async.StreamReader[byte]
	tail     *async.FutureReader[Trailers]
	taken    *async.FutureWriter[Outcome]
	err      error // once it has ended
	rest     []byte
}

// NewReader makes the reader of a message's body: take takes it and the message over, drop drops the message where that has not been called.
// trailers is called with what follows the body.
func NewReader(ctx context.Context, take func(*async.FutureReader[Outcome]) (*async.StreamReader[byte], *async.FutureReader[Trailers]), drop func(), trailers func(http.Header)) *Reader {
	ctx, cancel := context.WithCancel(ctx)
	return &Reader{ctx: ctx, cancel: cancel, take: take, drop: drop, trailers: trailers}
}

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Empty says whether the body is known to have no bytes: where it has, the host says so at once.
func (r *Reader) Empty() bool {
	if r.err == nil {
		b := make([]byte, 512)
		n, err := r.read(over, b)
		if r.rest = b[:n]; err != context.Canceled {
			r.settle(err)
		}
	}
	return r.err == io.EOF && len(r.rest) == 0
}

// Read is io.Reader's.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(r.rest) > 0 {
		n := copy(b, r.rest)
		r.rest = r.rest[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	r.reading = true
	n, err := r.read(r.ctx, b)
	r.reading = false
	if r.settle(err); r.err != nil {
		return 0, r.err
	}
	return n, nil
}

// read reads from the stream, which it takes from the message when it is called first, and what follows it.
func (r *Reader) read(ctx context.Context, b []byte) (int, error) {
	if r.stream == nil {
		outcome, taken := bindings.FutureOfNothingOrErrorCode.Open()
		r.stream, r.tail = r.take(outcome)
		r.taken = taken
	}
	n, err := r.stream.Read(ctx, b)
	if err == io.EOF {
		err = r.end()
	}
	return n, err
}

// settle ends the body where there was an error, that of its end included, or where it was closed meanwhile.
func (r *Reader) settle(err error) {
	if r.err == nil {
		r.err = err
	}
	if r.err == nil {
		return
	}
	how := Outcome{}
	if r.err != io.EOF && r.err != errDone {
		how = Outcome{Failed: true, Err: bindings.ErrorCodeInternalError(nil)}
	}
	r.release(how)
}

// end reads what follows the body.
func (r *Reader) end() error {
	tail, err := r.tail.Read(r.ctx)
	switch {
	case err != nil && r.ctx.Err() != nil:
		return err
	case err != nil || tail.Failed:
		return io.ErrUnexpectedEOF // the body was cut
	case tail.OK != nil:
		r.trailers(HeaderOf(*tail.OK))
	}
	return io.EOF
}

// release ends both, and says how to who waits for it.
func (r *Reader) release(how Outcome) {
	r.cancel()
	r.stream.Close()
	r.tail.Close()
	taken := r.taken
	go func() { _ = taken.Write(context.Background(), how) }()
}

// Close is io.Closer's.
func (r *Reader) Close() error {
	r.rest = nil
	if r.err != nil {
		return nil
	}
	r.err = errDone
	switch {
	case r.reading: // which releases both
		r.cancel()
	case r.stream == nil:
		r.cancel()
		r.drop()
	default:
		r.release(Outcome{})
	}
	return nil
}

// writeSize is how much of small writes is gathered.
const writeSize = 4096

// Writer writes a body. It gathers small writes.
type Writer struct {
	ctx     context.Context
	stream  *async.StreamWriter[byte] // nil for a message without a body
	tail    *async.FutureWriter[Trailers]
	pending []byte
	err     error
	done    bool
}

// NewWriter makes the writer of a body, by its stream and the future of what follows. Finish or Abort it.
func NewWriter(ctx context.Context, stream *async.StreamWriter[byte], tail *async.FutureWriter[Trailers]) *Writer {
	return &Writer{ctx: ctx, stream: stream, tail: tail}
}

var _ answer.Body = (*Writer)(nil)

// Write is io.Writer's.
func (w *Writer) Write(b []byte) (int, error) {
	if w.done || w.stream == nil {
		return 0, errDone
	}
	if len(w.pending)+len(b) <= writeSize {
		w.pending = append(w.pending, b...)
		return len(b), w.err
	}
	if w.Flush() == nil {
		w.send(b)
	}
	return len(b), w.err
}

// Flush is answer.Body's.
func (w *Writer) Flush() error {
	if len(w.pending) > 0 && w.err == nil {
		w.send(w.pending)
	}
	w.pending = w.pending[:0]
	return w.err
}

// ReadFrom is io.ReaderFrom's: it passes on each part at once, as it is read. Its error is that of reading, unless there was one of writing before.
func (w *Writer) ReadFrom(from io.Reader) (n int64, _ error) {
	if w.done || w.stream == nil {
		return 0, errDone
	}
	for b := make([]byte, 32<<10); ; {
		got, err := from.Read(b)
		if w.Flush() == nil && got > 0 {
			w.send(b[:got])
		}
		if n += int64(got); w.err != nil {
			return n, w.err
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (w *Writer) send(b []byte) {
	if _, w.err = w.stream.Write(w.ctx, b); errors.Is(w.err, async.ErrClosed) {
		w.err = answer.ErrClosed
	}
}

// Finish is answer.Body's. A trailer that the host refuses is none, as in package net/http.
func (w *Writer) Finish(h http.Header) error {
	if w.done {
		return errDone
	}
	_ = w.Flush() // it stays in w.err
	tail := Trailers{}
	if len(h) > 0 {
		if fields, err := NewFields(h); err == nil {
			tail.OK = &fields
		}
	}
	w.end(tail)
	return w.err
}

// Abort is answer.Body's.
func (w *Writer) Abort() {
	if !w.done {
		why := "the body is cut"
		w.end(Trailers{Failed: true, Err: bindings.ErrorCodeInternalError(&why)})
	}
}

// end closes the stream. What follows has to be written also where the context has ended.
func (w *Writer) end(tail Trailers) {
	w.done = true
	w.stream.Close()
	if err := w.tail.Write(context.Background(), tail); err != nil && tail.OK != nil {
		tail.OK.Drop()
	}
}
