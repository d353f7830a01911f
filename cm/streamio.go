package cm

import (
	"context"
	"errors"
	"io"
)

// ReadStream is a stream of bytes as an [io.ReadCloser], whose reads end when ctx does.
func ReadStream(ctx context.Context, r *StreamReader[uint8]) io.ReadCloser {
	return &byteReader{ctx, r}
}

type byteReader struct {
	ctx context.Context
	r   *StreamReader[uint8]
}

// Read implements io.Reader.
func (b *byteReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := b.r.Read(b.ctx, p)
		if n > 0 && errors.Is(err, io.EOF) {
			err = nil
		}
		if n > 0 || err != nil { // a guest may write nothing
			return n, err
		}
	}
}

// Close implements io.Closer.
func (b *byteReader) Close() error { return b.r.Close() }

// WriteStream is a stream of bytes as an [io.WriteCloser], whose writes end when ctx does.
func WriteStream(ctx context.Context, w *StreamWriter[uint8]) io.WriteCloser {
	return &byteWriter{ctx, w}
}

type byteWriter struct {
	ctx context.Context
	w   *StreamWriter[uint8]
}

// Write implements io.Writer.
func (b *byteWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return b.w.Write(b.ctx, p)
}

// Close implements io.Closer.
func (b *byteWriter) Close() error { return b.w.Close() }
