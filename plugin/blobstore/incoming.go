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

// What guests are told where they ask for what cannot be.
var (
	errRange = errors.New("the range starts after its end")
	errLarge = fmt.Errorf("the object is larger than the %d bytes that may be held of it; read or write it as a stream", MaxObject)
)

// openBytes is what an object that is being read is counted as, beside what it holds in memory.
const openBytes = 4 << 10

// incoming is an incoming-value: a part of an object that is being read.
type incoming struct {
	from io.ReadCloser
	size uint64 // of the part
	held cm.Holding
}

func newIncoming(ctx context.Context, c container, name string, start, end uint64) (bindings.IncomingValue, error) {
	if start > end {
		return nil, fail(ctx, errRange)
	}
	n := end - start
	if n++; n == 0 { // all there could ever be
		n--
	}
	r, info, err := c.store.Open(ctx, c.name, name, start, n)
	if err != nil {
		return nil, fail(ctx, err, c.name, name)
	}
	in := &incoming{from: r}
	if start < info.Size {
		in.size = min(n, info.Size-start)
	}
	bytes := openBytes
	if m, ok := r.(InMemory); ok {
		bytes += m.Held() // which the store may have let go of long before the guest does
	}
	if err := in.held.Hold(ctx, bytes); err != nil {
		r.Close() // there is an error already
		return nil, fail(ctx, err)
	}
	return in, nil
}

// Drop ends the reading.
func (i *incoming) Drop(context.Context) error {
	i.held.Release()
	i.from.Close() // there is nobody left to tell
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
	defer i.Drop(ctx) //nolint:errcheck // it never fails; the bytes are the guest's as soon as this returns
	if m, ok := i.from.(InMemory); ok {
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
	if _, err := io.ReadFull(i.from, data); err != nil {
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
	if m, ok := i.from.(InMemory); ok {
		return iop2.NewInputStream(&memoryStream{wasiio.NewFuncReader(bytes.NewReader(m.Rest()).Read), i}), nil
	}
	return iop2.NewInputStream(wasiio.NewReader(&reading{of: i, left: i.size})), nil
}

// memoryStream is the bytes of a value that are in memory, which it holds until it is closed.
type memoryStream struct {
	*wasiio.FuncReader
	of *incoming
}

// Close ends the stream, and lets go of the bytes.
func (s *memoryStream) Close() error {
	s.FuncReader = wasiio.NewFuncReader(func([]byte) (int, error) { return 0, nil })
	return s.of.Drop(context.Background())
}

// reading is a value that is being read from elsewhere, for [wasiio.Reader]. What the backend says of an error is not for the
// guest, which can read a stream's errors.
type reading struct {
	of     *incoming
	left   uint64
	closed sync.Once
}

// Read reads the object: as much as it is said to have, or there is an error.
func (r *reading) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.of.from.Read(p[:min(uint64(len(p)), r.left)])
	r.left -= uint64(n)
	switch {
	case err == io.EOF && r.left > 0:
		err = io.ErrUnexpectedEOF
	case err == io.EOF || r.left == 0:
		return n, nil // the next read is the end
	}
	if err != nil {
		err = failed(err)
	}
	return n, err
}

// failed is a backend's error as a stream tells it.
func failed(err error) error { return &cm.BackendError{Text: backend.FailedText, Err: err} }

// Close ends the reading, and a Read that is under way.
func (r *reading) Close() (err error) {
	r.closed.Do(func() { err = r.of.Drop(context.Background()) })
	return err
}
