package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Errors of guests' arguments.
var (
	errRange = errors.New("the range starts after its end")
	errLarge = fmt.Errorf("the object is larger than the %d bytes that may be held of it; read or write it as a stream", MaxObject)
)

// openBytes is what an open object counts for hostMemory, besides its bytes in memory.
const openBytes = 4 << 10

// incoming is an incoming-value: an open part of an object.
type incoming struct {
	from   container
	reader io.ReadCloser
	size   uint64 // of the part
	held   cm.Holding
}

// openRange opens an object from start to end, both included. ctx is that of all reads.
func openRange(ctx context.Context, c container, name string, start, end uint64) (*incoming, error) {
	if start > end {
		return nil, errRange
	}
	n := end - start
	if n++; n == 0 { // overflow: the whole range
		n--
	}
	r, info, err := c.store.Open(ctx, c.name, name, start, n)
	if err != nil {
		return nil, err
	}
	in := &incoming{from: c, reader: r}
	if start < info.Size {
		in.size = min(n, info.Size-start)
	}
	bytes := openBytes
	if m, ok := r.(InMemory); ok {
		bytes += m.Held() // the store may have deleted the object, so that only the guest keeps it
	}
	if err := in.held.Hold(ctx, bytes); err != nil {
		r.Close() // there is an error already
		return nil, err
	}
	return in, nil
}

// StoreSystem is that of the container that it is from.
func (i *incoming) StoreSystem() string { return i.from.StoreSystem() }

// StoreCollection is the name of the container that it is from.
func (i *incoming) StoreCollection() string { return i.from.name }

// Drop closes the reader.
func (i *incoming) Drop(context.Context) error {
	i.held.Release()
	i.reader.Close() // there is no way to report an error
	return nil
}

// Size implements bindings.IncomingValue.
func (i *incoming) Size(context.Context) (uint64, error) { return i.size, nil }

// IncomingValueIncomingValueConsumeSync implements bindings.Types.
func (s store) IncomingValueIncomingValueConsumeSync(ctx context.Context, this bindings.IncomingValue) ([]byte, error) {
	i, err := cm.ObjectAs[*incoming](bindings.IncomingValueType, this)
	if err != nil {
		return nil, err
	}
	defer i.Drop(ctx) //nolint:errcheck // it never fails; the guest owns the bytes when this returns
	if m, ok := i.reader.(InMemory); ok {
		return m.Rest(), nil
	}
	if i.size > MaxObject {
		return nil, fail(ctx, errLarge)
	}
	if err := i.held.Hold(ctx, i.held.Bytes()+int(i.size)); err != nil {
		return nil, fail(ctx, err)
	}
	defer cm.Waiting(ctx)()
	data := make([]byte, i.size)
	if _, err := io.ReadFull(i.reader, data); err != nil {
		return nil, fail(ctx, err)
	}
	return data, nil
}

// IncomingValueIncomingValueConsumeAsync implements bindings.Types.
func (s store) IncomingValueIncomingValueConsumeAsync(ctx context.Context, this bindings.IncomingValue) (iop2.InputStream, error) {
	i, err := cm.ObjectAs[*incoming](bindings.IncomingValueType, this)
	if err != nil {
		return nil, err
	}
	if m, ok := i.reader.(InMemory); ok {
		return iop2.NewInputStream(&memoryStream{wasiio.NewFuncReader(bytes.NewReader(m.Rest()).Read), i}), nil
	}
	return iop2.NewInputStream(wasiio.NewReader(&backendStream{value: i, left: i.size})), nil
}

// memoryStream is a stream of a value in memory, which it keeps until it is closed.
type memoryStream struct {
	*wasiio.FuncReader
	value *incoming
}

// Close ends the stream and frees the bytes.
func (s *memoryStream) Close() error {
	s.FuncReader = wasiio.NewFuncReader(func([]byte) (int, error) { return 0, nil })
	return s.value.Drop(context.Background())
}

// backendStream reads a value from its backend, for [wasiio.Reader]. It hides the backend's texts of errors from the guest, which
// can read a stream's errors.
type backendStream struct {
	value  *incoming
	left   uint64
	closed sync.Once
}

// Read reads the value. An object that is shorter than its size is an error.
func (r *backendStream) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.value.reader.Read(p[:min(uint64(len(p)), r.left)])
	r.left -= uint64(n)
	switch {
	case err == io.EOF && r.left > 0:
		err = io.ErrUnexpectedEOF
	case err == io.EOF || r.left == 0:
		return n, nil // the next Read returns io.EOF
	}
	if err != nil {
		err = streamError(err)
	}
	return n, err
}

// streamError is a backend's error as a stream's error.
func streamError(err error) error { return &cm.BackendError{Text: backend.FailedText, Err: err} }

// Close closes the reader, which ends a running Read.
func (r *backendStream) Close() (err error) {
	r.closed.Do(func() { err = r.value.Drop(context.Background()) })
	return err
}
