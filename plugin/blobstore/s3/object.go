package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// key is that of an object, in the generation of its container that was there up to age ago.
func (s *store) key(ctx context.Context, container, object string, age time.Duration) (string, error) {
	_, base, err := s.generation(ctx, container, age)
	if err != nil {
		return "", err
	}
	return objectKey(base, object)
}

// missing is the error of an object that the server has not found: the container may have been deleted, or made anew, by another process.
func (s *store) missing(ctx context.Context, container string) error {
	if _, _, err := s.generation(ctx, container, 0); err != nil {
		return err
	}
	return fmt.Errorf("in container %q: %w", container, blobstore.ErrNoSuchObject)
}

func (s *store) Stat(ctx context.Context, container, object string) (blobstore.Info, error) {
	key, err := s.key(ctx, container, object, trusted)
	if err != nil {
		return blobstore.Info{}, err
	}
	return s.stat(ctx, container, key)
}

func (s *store) stat(ctx context.Context, container, key string) (blobstore.Info, error) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	info, err := s.core.StatObject(call, s.bucket, key, minio.StatObjectOptions{})
	if notFound(err) {
		return blobstore.Info{}, s.missing(ctx, container)
	}
	if err != nil {
		return blobstore.Info{}, s.failure(ctx, err)
	}
	return blobstore.Info{Size: uint64(info.Size), Created: info.LastModified}, nil
}

func (s *store) Open(ctx context.Context, container, object string, from, n uint64) (io.ReadCloser, blobstore.Info, error) {
	key, err := s.key(ctx, container, object, trusted)
	if err != nil {
		return nil, blobstore.Info{}, err
	}
	nothing := func() (io.ReadCloser, blobstore.Info, error) {
		info, err := s.stat(ctx, container, key)
		return io.NopCloser(strings.NewReader("")), info, err
	}
	if n == 0 || from > math.MaxInt64 {
		return nothing()
	}
	var options minio.GetObjectOptions
	if from > 0 || n < math.MaxInt64 {
		options.Set("Range", rangeOf(from, n))
	}
	call, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(callTime, func() { cancel(errNoAnswer) })
	body, info, head, err := s.core.GetObject(call, s.bucket, key, options)
	slow.Stop()
	if err != nil {
		cancel(nil)
		switch {
		case notFound(err):
			return nil, blobstore.Info{}, s.missing(ctx, container)
		case answers(err, http.StatusRequestedRangeNotSatisfiable, ""): // it begins beyond the object's end
			return nothing()
		}
		return nil, blobstore.Info{}, s.failure(ctx, err)
	}
	size, err := wholeSize(info.Size, head)
	if err != nil {
		cancel(nil)
		return nil, blobstore.Info{}, errors.Join(err, body.Close())
	}
	return &reader{s.Backend, ctx, body, cancel}, blobstore.Info{Size: size, Created: info.LastModified}, nil
}

// rangeOf is the header for n bytes from an offset on.
func rangeOf(from, n uint64) string {
	last := from + n - 1
	if last < from || last > math.MaxInt64 {
		return fmt.Sprintf("bytes=%d-", from)
	}
	return fmt.Sprintf("bytes=%d-%d", from, last)
}

// wholeSize is the size of an object of which a part of so many bytes was sent.
func wholeSize(part int64, head http.Header) (uint64, error) {
	of := head.Get("Content-Range") // bytes 0-9/100
	if of == "" {
		return uint64(max(part, 0)), nil
	}
	_, size, _ := strings.Cut(of, "/")
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil {
		return 0, errors.New("the server does not say how large the object is")
	}
	return n, nil
}

// reader reads an object from an answer of the server, which sends one version of it.
type reader struct {
	of     *Backend
	ctx    context.Context
	body   io.ReadCloser
	cancel context.CancelCauseFunc
}

func (r *reader) Read(p []byte) (int, error) {
	idle := time.AfterFunc(idleTime, func() { r.cancel(errNoAnswer) })
	n, err := r.body.Read(p)
	idle.Stop()
	if err != nil && err != io.EOF {
		err = r.of.failure(r.ctx, err)
	}
	return n, err
}

func (r *reader) Close() error {
	r.cancel(nil)
	_ = r.body.Close() // the request was cancelled
	return nil
}

const pageSize = 1000 // names of a page of List, and of keys that are removed at once

// list returns up to pageSize keys after one, without their prefix, and whether there are more.
func (b *Backend) list(ctx context.Context, prefix, after string) (keys []string, more bool, err error) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	options := minio.ListObjectsOptions{Prefix: prefix, Recursive: true, MaxKeys: pageSize}
	if after != "" {
		options.StartAfter = prefix + after
	}
	for o := range b.core.ListObjectsIter(call, b.bucket, options) {
		if o.Err != nil {
			return nil, false, b.failure(ctx, o.Err)
		}
		key, ok := strings.CutPrefix(o.Key, prefix)
		if !ok {
			return nil, false, errors.New("the server lists keys of others")
		}
		if len(keys) == pageSize-1 { // the server has sent no more than pageSize
			return keys, true, nil
		}
		keys = append(keys, key)
	}
	return keys, false, b.failure(ctx, call.Err())
}

func (s *store) List(ctx context.Context, container, cursor string) (blobstore.Page, error) {
	_, base, err := s.generation(ctx, container, trusted)
	if err != nil {
		return blobstore.Page{}, err
	}
	keys, more, err := s.list(ctx, base, escapeCursor(cursor))
	if err != nil {
		return blobstore.Page{}, err
	}
	var page blobstore.Page
	for _, key := range keys {
		if name, ok := unescape(key); ok { // another program's key is no object
			page.Names = append(page.Names, name)
		}
	}
	if more {
		page.Next = keys[len(keys)-1]
	}
	return page, nil
}

// escapeCursor is a cursor that List has returned, or else a text that is none and does no harm.
func escapeCursor(cursor string) string {
	if len(cursor) > maxKey {
		cursor = cursor[:maxKey]
	}
	for i := range len(cursor) {
		if c := cursor[i]; c < ' ' || c > '~' {
			return ""
		}
	}
	return cursor
}

func (s *store) Delete(ctx context.Context, container string, objects ...string) error {
	_, base, err := s.generation(ctx, container, trusted)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(objects))
	for _, o := range objects {
		if key, err := objectKey(base, o); err == nil { // there is no object of a name that is too long
			keys = append(keys, key)
		}
	}
	if len(keys) == 1 {
		return s.removeKey(ctx, keys[0])
	}
	for len(keys) > 0 {
		n := min(len(keys), pageSize)
		if err := s.removeKeys(ctx, slices.Values(keys[:n])); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// Copy copies in the server.
func (s *store) Copy(ctx context.Context, fromContainer, fromObject, toContainer, toObject string) error {
	from, err := s.key(ctx, fromContainer, fromObject, trusted)
	if err != nil {
		return err
	}
	to, err := s.key(ctx, toContainer, toObject, 0)
	if err != nil {
		return err
	}
	if from == to {
		_, err := s.stat(ctx, fromContainer, from)
		return err
	}
	call, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	_, err = s.core.ComposeObject(call, minio.CopyDestOptions{Bucket: s.bucket, Object: to}, minio.CopySrcOptions{Bucket: s.bucket, Object: from})
	if notFound(err) {
		return s.missing(ctx, fromContainer)
	}
	return s.failure(ctx, err)
}

// copyTime bounds a copy, which the server makes before it answers.
const copyTime = 5 * time.Minute
