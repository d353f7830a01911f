package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// An object whose bytes fit one part is one request. A larger one is an upload of several, of one size each but the last, as some servers want.
const (
	partSize  = 8 << 20 // 5 MiB is the least
	maxParts  = 10_000
	firstSize = 64 << 10 // of the buffer, which grows with the object up to partSize
)

// Put holds a part of the object at a time, which counts for the guest's hostMemory: S3 wants to know how long a request is before it has all of it. Info's
// Created is of this machine's clock; Stat's is of the server's.
func (s *store) Put(ctx context.Context, container, object string, data io.Reader) (blobstore.Info, error) {
	key, err := s.key(ctx, container, object, trusted)
	if err != nil {
		return blobstore.Info{}, err
	}
	u := &upload{s: s, key: key, fresh: func() (string, error) { return s.key(ctx, container, object, 0) }, data: data}
	defer u.held.Release()
	if err := u.run(ctx); err != nil {
		return blobstore.Info{}, fmt.Errorf("put in container %q: %w", container, err)
	}
	return blobstore.Info{Size: u.size, Created: time.Now()}, nil
}

// upload is a running Put.
type upload struct {
	s     *store
	key   string
	fresh func() (string, error) // the key in the container that is there now
	data  io.Reader
	size  uint64 // bytes that were read

	buf   []byte
	held  cm.Holding // for buf
	id    string     // of an upload of several parts
	parts []minio.CompletePart
}

func (u *upload) run(ctx context.Context) (err error) {
	ended, err := u.fill(ctx)
	if err != nil {
		return err
	}
	if ended {
		return u.whole(ctx)
	}
	call, cancel := context.WithTimeout(ctx, callTime)
	u.id, err = u.s.core.NewMultipartUpload(call, u.s.bucket, u.key, minio.PutObjectOptions{})
	cancel()
	if err != nil {
		return u.s.failure(ctx, err)
	}
	defer func() {
		if err != nil {
			u.abort()
		}
	}()
	for {
		if err := u.part(ctx); err != nil {
			return err
		}
		if ended {
			break
		}
		if ended, err = u.fill(ctx); err != nil {
			return err
		}
		if ended && len(u.buf) == 0 {
			break
		}
	}
	return u.complete(ctx)
}

// fill reads the next part, and says whether the data has ended with it.
func (u *upload) fill(ctx context.Context) (ended bool, err error) {
	u.buf = u.buf[:0]
	for len(u.buf) < partSize {
		if len(u.buf) == cap(u.buf) {
			grown := min(max(2*cap(u.buf), firstSize), partSize)
			if err := u.held.Hold(ctx, grown); err != nil {
				return false, err
			}
			u.buf = append(make([]byte, 0, grown), u.buf...)
		}
		n, err := u.data.Read(u.buf[len(u.buf):cap(u.buf)])
		u.buf = u.buf[:len(u.buf)+n]
		u.size += uint64(n)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// within is the time for a request that sends n bytes.
func within(n int) time.Duration { return callTime + time.Duration(n/slowest)*time.Second }

// whole puts an object of one part. The container may have been deleted, or made anew, while the guest has written.
func (u *upload) whole(ctx context.Context) (err error) {
	if u.key, err = u.fresh(); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, within(len(u.buf)))
	defer cancel()
	return u.s.failure(ctx, u.s.put(call, u.key, u.buf, minio.PutObjectOptions{}))
}

// put makes an object of data. The sum of data goes along, so that the server refuses what has changed on the way.
func (b *Backend) put(ctx context.Context, key string, data []byte, options minio.PutObjectOptions) error {
	options.DisableContentSha256 = true // the library would send the sums of chunks instead
	_, err := b.core.PutObject(ctx, b.bucket, key, bytes.NewReader(data), int64(len(data)), "", sum(data), options)
	return err
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func (u *upload) part(ctx context.Context) error {
	if len(u.parts) == maxParts {
		return fmt.Errorf("the object is larger than the %d bytes that S3 takes in parts of %d", uint64(maxParts*partSize), partSize)
	}
	call, cancel := context.WithTimeout(ctx, within(len(u.buf)))
	defer cancel()
	p, err := u.s.core.PutObjectPart(call, u.s.bucket, u.key, u.id, len(u.parts)+1, bytes.NewReader(u.buf), int64(len(u.buf)), minio.PutObjectPartOptions{Sha256Hex: sum(u.buf), DisableContentSha256: true})
	if err != nil {
		return u.s.failure(ctx, err)
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
	return nil
}

// complete makes an object of the parts, in the container that they were meant for.
func (u *upload) complete(ctx context.Context) error {
	now, err := u.fresh()
	if err != nil {
		return err
	}
	if now != u.key {
		return blobstore.ErrNoSuchContainer
	}
	call, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	_, err = u.s.core.CompleteMultipartUpload(call, u.s.bucket, u.key, u.id, u.parts, minio.PutObjectOptions{})
	return u.s.failure(ctx, err)
}

// completeTime bounds the request that makes an object of its parts, which some servers copy.
const completeTime = time.Minute

// abort has the server drop the parts. If it fails, the bucket's own rules for uploads that were not completed do that.
func (u *upload) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	_ = u.s.core.AbortMultipartUpload(ctx, u.s.bucket, u.key, u.id)
}
