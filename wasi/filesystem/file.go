package filesystem

import (
	"context"
	"errors"
	"io"
	"math"
	"os"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// MaxRead bounds the bytes of one read.
const MaxRead = 1 << 20

// Advice says how a region will be used, in WIT's order.
type Advice uint8

// The kinds of advice.
const (
	AdviceNormal Advice = iota
	AdviceSequential
	AdviceRandom
	AdviceWillNeed
	AdviceDontNeed
	AdviceNoReuse
)

func offset(o uint64) (int64, error) {
	if o > math.MaxInt64 {
		return 0, failed(CodeInvalid)
	}
	return int64(o), nil
}

// ReadAt reads up to n bytes at an offset, at most [MaxRead], and returns whether the end of the file was reached.
func (d *Descriptor) ReadAt(n, at uint64) (b []byte, end bool, err error) {
	if err := d.requireFlags(Read); err != nil {
		return nil, false, err
	}
	o, err := offset(at)
	if err != nil {
		return nil, false, err
	}
	b = make([]byte, min(n, MaxRead))
	k, err := d.file.ReadAt(b, o)
	if err != nil && err != io.EOF {
		return nil, false, failure(err)
	}
	return b[:k], err == io.EOF, nil
}

// WriteAt writes p at an offset and returns how many bytes were written, fewer than all only if writing the rest failed.
func (d *Descriptor) WriteAt(p []byte, at uint64) (uint64, error) {
	if err := d.requireFlags(Write); err != nil {
		return 0, err
	}
	o, err := offset(at)
	if err != nil {
		return 0, err
	}
	n, err := d.file.WriteAt(p, o)
	if n > 0 {
		err = nil
	}
	return uint64(n), failure(err)
}

// SetSize truncates the file or extends it with zeroes.
func (d *Descriptor) SetSize(n uint64) error {
	if err := d.requireFlags(Write); err != nil {
		return err
	}
	size, err := offset(n)
	if err != nil {
		return err
	}
	return failure(d.file.Truncate(size))
}

// Advise passes advice to the system, if it has such a call. A length of 0 means up to the end.
func (d *Descriptor) Advise(at, n uint64, a Advice) error {
	o, err := offset(at)
	if err != nil {
		return err
	}
	size, err := offset(n)
	if err != nil || o+size < 0 {
		return failed(CodeInvalid)
	}
	if d.root != nil {
		return failed(CodeBadDescriptor)
	}
	return failure(d.advise(o, size, a))
}

// Sync writes data and metadata to the disk; SyncData the data only. Neither does anything for a file that was not opened
// for writing.
func (d *Descriptor) Sync() error {
	if d.flags&Write == 0 && (d.root == nil || !syncsFolders) {
		return nil
	}
	return ignoreUnsyncable(d.file.Sync())
}

// SyncData is described at Sync.
func (d *Descriptor) SyncData() error {
	if d.flags&Write == 0 && (d.root == nil || !syncsFolders) {
		return nil
	}
	return ignoreUnsyncable(d.syncData())
}

// ignoreUnsyncable ignores the error of a file that cannot be synced, such as a pipe.
func ignoreUnsyncable(err error) error {
	err = failure(err)
	var e *Error
	if errors.As(err, &e) && (e.Code == CodeInvalid || e.Code == CodeUnsupported) {
		return nil
	}
	return err
}

// Reader returns a stream that reads from an offset on.
func (d *Descriptor) Reader(at uint64) (wasiio.InputStream, error) {
	if err := d.requireFlags(Read); err != nil {
		return nil, err
	}
	o, err := offset(at)
	if err != nil {
		return nil, err
	}
	regular, err := d.regular()
	if err != nil {
		return nil, err
	}
	if !regular { // a pipe or device has no offsets and may block
		return wasiio.NewReader(sequential{d.file.retain()}), nil
	}
	f := d.file.retain()
	return &input{wasiio.NewFuncReader(func(p []byte) (int, error) {
		n, err := f.ReadAt(p, o)
		o += int64(n)
		if err == io.EOF {
			err = nil
		}
		return n, failure(err)
	}), f}, nil
}

// Writer returns a stream that writes from an offset on.
func (d *Descriptor) Writer(at uint64) (wasiio.OutputStream, error) {
	if err := d.requireFlags(Write); err != nil {
		return nil, err
	}
	o, err := offset(at)
	if err != nil {
		return nil, err
	}
	return d.writer(func(f *file, p []byte) error {
		n, err := f.WriteAt(p, o)
		o += int64(n)
		return err
	})
}

// Appender returns a stream whose writes append to the file.
func (d *Descriptor) Appender() (wasiio.OutputStream, error) {
	if err := d.requireFlags(Write); err != nil {
		return nil, err
	}
	return d.writer((*file).appendAll)
}

func (d *Descriptor) writer(write func(*file, []byte) error) (wasiio.OutputStream, error) {
	regular, err := d.regular()
	if err != nil {
		return nil, err
	}
	f := d.file.retain()
	if !regular {
		return wasiio.NewWriter(sequential{f}), nil
	}
	return &output{wasiio.NewFuncWriter(func(_ context.Context, p []byte) error { return failure(write(f, p)) }), f}, nil
}

func (d *Descriptor) regular() (bool, error) {
	info, err := d.file.Stat()
	if err != nil {
		return false, failure(err)
	}
	return info.Mode().IsRegular(), nil
}

// sequential reads and writes at the system's offset, with this package's errors.
type sequential struct{ f *file }

func (s sequential) Read(p []byte) (int, error) {
	n, err := s.f.Read(p)
	if err != io.EOF {
		err = failure(err)
	}
	return n, err
}

func (s sequential) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	return n, failure(err)
}

func (s sequential) Close() error { return s.f.release() }

// input and output release the file once.
type input struct {
	*wasiio.FuncReader
	f *file
}

func (s *input) Close() error { return closeOnce(&s.f, s.FuncReader.Close) }

type output struct {
	*wasiio.FuncWriter
	f *file
}

func (s *output) Close() error { return closeOnce(&s.f, s.FuncWriter.Close) }

func closeOnce(f **file, closeStream func() error) error {
	if *f == nil {
		return nil
	}
	closeStream()
	err := (*f).release()
	*f = nil
	return failure(err)
}

// appendAtEnd writes at the current end of the file. Concurrent writers may overwrite each other.
func appendAtEnd(f *os.File, p []byte) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(p, end)
	return err
}
