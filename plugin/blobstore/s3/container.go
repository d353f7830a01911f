package s3

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// generation is a container from its creation to its deletion.
type generation struct {
	id      string
	created time.Time
	read    time.Time // when the server was asked
}

const maxKnown = 10_000 // generations that are remembered

// generation returns that of a container, by its marker, which may have been read up to age ago. It returns the key that those of the
// objects begin with, too.
func (s *store) generation(ctx context.Context, container string, age time.Duration) (g generation, base string, err error) {
	dir, err := s.containerKey(container)
	if err != nil {
		return g, "", err
	}
	s.mu.Lock()
	g = s.known[dir]
	s.mu.Unlock()
	if g.id == "" || time.Since(g.read) > age {
		if g, err = s.readMarker(ctx, dir); err != nil {
			if notFound(err) {
				s.learn(dir, generation{})
				return g, "", fmt.Errorf("%q: %w", container, blobstore.ErrNoSuchContainer)
			}
			return g, "", s.failure(ctx, err)
		}
		s.learn(dir, g)
	}
	return g, dir + g.id + "/", nil
}

// readMarker asks the server for a marker.
func (s *store) readMarker(ctx context.Context, dir string) (generation, error) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	asked := time.Now()
	body, info, _, err := s.core.GetObject(call, s.bucket, dir+marker, minio.GetObjectOptions{})
	if err != nil {
		return generation{}, err
	}
	defer body.Close() //nolint:errcheck // it was read
	id, err := io.ReadAll(io.LimitReader(body, maxPart))
	if err == nil && (len(id) == 0 || strings.ContainsAny(string(id), "/.")) {
		err = fmt.Errorf("%s of the container is not what was written there: delete the container's folder", marker)
	}
	return generation{string(id), info.LastModified, asked}, err
}

func (b *Backend) learn(dir string, g generation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known) >= maxKnown {
		clear(b.known)
	}
	if g.id == "" {
		delete(b.known, dir)
		return
	}
	b.known[dir] = g
}

func (b *Backend) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.known)
}

func (s *store) CreateContainer(ctx context.Context, name string) error {
	dir, err := s.containerKey(name)
	if err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	id := rand.Text()
	var options minio.PutObjectOptions
	options.SetMatchETagExcept("*") // of all who create it at once, one succeeds
	err = s.put(call, dir+marker, []byte(id), options)
	if answers(err, http.StatusPreconditionFailed, "") || answers(err, http.StatusConflict, "") {
		// A request whose answer was lost is tried again, and finds what it has done.
		if g, readErr := s.readMarker(call, dir); readErr == nil && g.id == id {
			return nil
		}
		return fmt.Errorf("container %q: %w", name, blobstore.ErrExists)
	}
	return s.failure(ctx, err)
}

func (s *store) DeleteContainer(ctx context.Context, name string) error {
	_, base, err := s.generation(ctx, name, 0)
	if err != nil {
		return err
	}
	dir, err := s.containerKey(name)
	if err != nil {
		return err
	}
	err = s.removeKey(ctx, dir+marker)
	s.learn(dir, generation{})
	if err != nil {
		return err
	}
	return s.removeAll(ctx, base)
}

func (s *store) Container(ctx context.Context, name string) (blobstore.ContainerInfo, error) {
	g, _, err := s.generation(ctx, name, 0)
	return blobstore.ContainerInfo{Created: g.created}, err
}

// removeKey removes a key; a missing one is no error.
func (b *Backend) removeKey(ctx context.Context, key string) error {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := b.core.RemoveObject(call, b.bucket, key, minio.RemoveObjectOptions{})
	if notFound(err) {
		return nil
	}
	return b.failure(ctx, err)
}

// removeKeys removes up to pageSize keys by one request.
func (b *Backend) removeKeys(ctx context.Context, keys iter.Seq[string]) error {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	results, err := b.core.RemoveObjectsWithIter(call, b.bucket, func(yield func(minio.ObjectInfo) bool) {
		for key := range keys {
			if !yield(minio.ObjectInfo{Key: key}) {
				return
			}
		}
	}, minio.RemoveObjectsOptions{})
	if err != nil {
		return b.failure(ctx, err)
	}
	for r := range results {
		if r.Err != nil && err == nil && !notFound(r.Err) {
			err = r.Err
		}
	}
	if err == nil {
		err = call.Err() // the library says nothing of it
	}
	return b.failure(ctx, err)
}

// removeAll removes all keys with a prefix.
func (b *Backend) removeAll(ctx context.Context, prefix string) error {
	for {
		keys, more, err := b.list(ctx, prefix, "")
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			err = b.removeKeys(ctx, func(yield func(string) bool) {
				for _, k := range keys {
					if !yield(prefix + k) {
						return
					}
				}
			})
		}
		if err != nil || !more {
			return err
		}
	}
}
