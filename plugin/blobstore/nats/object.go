package nats

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

func missing(container string) error {
	return fmt.Errorf("in container %q: %w", container, blobstore.ErrNoSuchObject)
}

func (s *store) Stat(ctx context.Context, container, object string) (info blobstore.Info, err error) {
	err = s.in(ctx, container, natsconn.CallTime, func(ctx context.Context, p *place) error {
		d, err := p.describe(ctx, object)
		if err == nil && !d.there() {
			err = missing(container)
		}
		if err == nil {
			info = blobstore.Info{Size: d.Size, Created: d.stored}
		}
		return err
	})
	return info, err
}

// maxOpens bounds the tries to open an object that is replaced all the time.
const maxOpens = 100

var errReplaced = errors.New("the object was replaced or deleted while it was read")

func (s *store) Open(ctx context.Context, container, object string, from, n uint64) (io.ReadCloser, blobstore.Info, error) {
	reading, end := context.WithCancel(ctx)
	r := &reader{s: s, ctx: reading, end: end, container: container}
	var info blobstore.Info
	err := s.in(ctx, container, natsconn.CallTime, func(ctx context.Context, p *place) error {
		for range maxOpens {
			d, err := p.describe(ctx, object)
			if err != nil {
				return err
			}
			if !d.there() {
				return missing(container)
			}
			info = blobstore.Info{Size: d.Size, Created: d.stored}
			from := min(from, d.Size)
			r.subject, r.skip, r.left = p.chunks(d.NUID), from, min(n, d.Size-from)
			if r.left == 0 {
				return nil
			}
			// The bytes of an object that was replaced are gone at once: with the first of them here, a small object is whole.
			if err := r.fetch(ctx, p); !errors.Is(err, errReplaced) {
				return err
			}
		}
		return errReplaced
	})
	if err != nil {
		end()
		return nil, blobstore.Info{}, err
	}
	return r, info, nil
}

// reader reads an object, a message at a time.
type reader struct {
	s         *store
	ctx       context.Context
	end       context.CancelFunc
	container string
	subject   string // of the object's bytes
	last      uint64 // the sequence of the last message
	skip      uint64 // bytes of the object that come before those that are read
	left      uint64 // bytes that are to be read
	data      []byte // of the last message
}

// fetch gets the next message.
func (r *reader) fetch(ctx context.Context, p *place) error {
	m, err := p.stream.GetMsg(ctx, r.last+1, jetstream.WithGetMsgSubject(r.subject))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return errReplaced
	}
	if err != nil {
		return err
	}
	skipped := min(r.skip, uint64(len(m.Data)))
	r.last, r.skip, r.data = m.Sequence, r.skip-skipped, m.Data[skipped:]
	return nil
}

func (r *reader) Read(b []byte) (int, error) {
	for len(r.data) == 0 || r.left == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if err := r.s.in(r.ctx, r.container, natsconn.CallTime, r.fetch); err != nil {
			return 0, err
		}
	}
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n := copy(b, r.data[:min(uint64(len(r.data)), r.left)])
	r.data = r.data[n:]
	r.left -= uint64(n)
	return n, nil
}

func (r *reader) Close() error {
	r.end()
	return nil
}

const pageSize = 10_000 // names of a page of List

// List has the server send what describes all objects, for each page: it has them in the order of their changes, which moves objects behind
// others. A cursor is the last name of a page.
func (s *store) List(ctx context.Context, container, cursor string) (blobstore.Page, error) {
	names := natsconn.Lowest{After: cursor, Most: pageSize}
	err := s.in(ctx, container, natsconn.ScanTime, func(ctx context.Context, p *place) error {
		prefix := "$O." + p.bucket + ".M."
		return natsconn.Scan(ctx, p.js, streams+p.bucket, prefix+">", false, func(m jetstream.Msg) {
			d := description{sequence: 1}
			name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(m.Subject(), prefix))
			if err == nil && json.Unmarshal(m.Data(), &d.ObjectInfo) == nil && d.there() {
				names.Add(string(name))
			}
		})
	})
	if err != nil {
		return blobstore.Page{}, err
	}
	found, more := names.Page()
	var page blobstore.Page
	for _, name := range found {
		if object, ok := objectOf(name); ok { // another program's object is none of the guest's
			page.Names = append(page.Names, object)
		}
	}
	if more {
		page.Next = found[len(found)-1]
	}
	return page, nil
}

func (s *store) Delete(ctx context.Context, container string, objects ...string) error {
	if len(objects) == 0 {
		_, err := s.Container(ctx, container)
		return err
	}
	for _, object := range objects {
		if err := s.in(ctx, container, natsconn.CallTime, func(ctx context.Context, p *place) error { return p.remove(ctx, object) }); err != nil {
			return err
		}
	}
	return nil
}

// remove says that an object is deleted, to other programs that watch the store, too, and then has the server drop that message and the bytes.
func (p *place) remove(ctx context.Context, object string) error {
	old, err := p.replace(ctx, object, func(old *description) *jetstream.ObjectInfo {
		if old.sequence == 0 || old.Deleted {
			return nil
		}
		gone := old.ObjectInfo
		gone.Deleted, gone.Size, gone.Chunks, gone.Digest, gone.ModTime = true, 0, 0, "", time.Time{}
		return &gone
	})
	if err != nil || old == nil {
		return err
	}
	if err := p.stream.Purge(ctx, jetstream.WithPurgeSubject(p.described(object)), jetstream.WithPurgeSequence(old.replacedBy+1)); err != nil {
		return err
	}
	return p.stream.Purge(ctx, jetstream.WithPurgeSubject(p.chunks(old.NUID)))
}
