package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// testBackend is a Store in memory for tests. If err is set, every call fails.
type testBackend struct {
	mu         sync.Mutex
	containers map[string]map[string][]byte
	page       int // of List; 0: all
	err        error

	largest int // the most bytes that a Put has read in one go
	puts    atomic.Int32
	opened  int        // readers that are not closed
	gate    chan error // if there is one, reads of objects wait for it, and fail with what it gives
}

func (s *testBackend) in(name string) (map[string][]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.containers[name] == nil {
		return nil, fmt.Errorf("container %q: %w", name, ErrNoSuchContainer)
	}
	return s.containers[name], nil
}

func (s *testBackend) CreateContainer(_ context.Context, name string) error {
	if _, err := s.in(name); err == nil {
		return ErrExists
	}
	s.containers[name] = map[string][]byte{}
	return s.err
}

func (s *testBackend) DeleteContainer(_ context.Context, name string) error {
	_, err := s.in(name)
	delete(s.containers, name)
	return err
}

func (s *testBackend) Container(_ context.Context, name string) (ContainerInfo, error) {
	_, err := s.in(name)
	return ContainerInfo{time.Unix(1000, 999)}, err
}

func (s *testBackend) Put(ctx context.Context, in, name string, from io.Reader) (Info, error) {
	s.puts.Add(1)
	if _, err := s.in(in); err != nil {
		return Info{}, err
	}
	var data []byte
	for buf := make([]byte, 1<<20); ; {
		n, err := from.Read(buf)
		data = append(data, buf[:n]...)
		if s.largest = max(s.largest, n); err == io.EOF {
			break
		}
		if err != nil {
			return Info{}, fmt.Errorf("put: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.containers[in][name] = data
	return Info{Size: uint64(len(data))}, nil
}

func (s *testBackend) object(in, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.in(in)
	if err != nil {
		return nil, err
	}
	data, ok := c[name]
	if !ok {
		return nil, fmt.Errorf("object %q: %w", name, ErrNoSuchObject)
	}
	return data, nil
}

func (s *testBackend) Stat(_ context.Context, in, name string) (Info, error) {
	data, err := s.object(in, name)
	return Info{uint64(len(data)), time.Unix(2000, 999)}, err
}

func (s *testBackend) Open(_ context.Context, in, name string, from, n uint64) (io.ReadCloser, Info, error) {
	data, err := s.object(in, name)
	if err != nil {
		return nil, Info{}, err
	}
	size := uint64(len(data))
	from = min(from, size)
	s.opened++
	return &testReader{s: s, r: bytes.NewReader(data[from : from+min(n, size-from)]), closed: make(chan struct{})}, Info{Size: size}, nil
}

// testReader reads in small parts, and waits for the gate if there is one.
type testReader struct {
	s      *testBackend
	r      *bytes.Reader
	closed chan struct{}
}

func (r *testReader) Read(p []byte) (int, error) {
	if r.s.gate != nil {
		select {
		case err := <-r.s.gate:
			if err != nil {
				return 0, err
			}
		case <-r.closed:
			return 0, errors.New("closed: " + secret)
		}
	}
	return r.r.Read(p[:min(len(p), 3000)])
}

func (r *testReader) Close() error {
	r.s.opened--
	close(r.closed)
	return nil
}

// List gives names in their order. A cursor is "after " and the last name.
func (s *testBackend) List(_ context.Context, in, cursor string) (Page, error) {
	c, err := s.in(in)
	names := slices.Sorted(maps.Keys(c))
	if last, ok := strings.CutPrefix(cursor, "after "); ok {
		names = slices.DeleteFunc(names, func(n string) bool { return n <= last })
	}
	if s.page == 0 || len(names) <= s.page {
		return Page{Names: names}, err
	}
	return Page{Names: names[:s.page], Next: "after " + names[s.page-1]}, err
}

func (s *testBackend) Delete(_ context.Context, in string, names ...string) error {
	c, err := s.in(in)
	for _, n := range names {
		delete(c, n)
	}
	return err
}

// inMemoryBackend is a testBackend with InMemory readers.
type inMemoryBackend struct{ *testBackend }

type memoryReader struct {
	io.ReadCloser
	data []byte
	held int
}

func (m *memoryReader) Rest() []byte { return m.data }
func (m *memoryReader) Held() int    { return m.held }

func (s inMemoryBackend) Open(ctx context.Context, in, name string, from, n uint64) (io.ReadCloser, Info, error) {
	r, info, err := s.testBackend.Open(ctx, in, name, from, n)
	if err != nil {
		return nil, info, err
	}
	data, err := io.ReadAll(r)
	return &memoryReader{r, data, int(info.Size)}, info, err
}
