package nats

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	mathrand "math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// chunkSize is how many bytes of an object a message has, as NATS' own clients do it.
const chunkSize = 128 << 10

// Put stores the bytes, a message at a time, and then the description, with which the object is there. Info's Created is of this machine's clock;
// Stat's is of the server's.
func (s *store) Put(ctx context.Context, container, object string, data io.Reader) (blobstore.Info, error) {
	if len(object) > maxName {
		return blobstore.Info{}, fmt.Errorf("the object's name is too long for NATS: %d bytes, want %d at most", len(object), maxName)
	}
	p := &pendingPut{s: s, container: container, object: object, id: rand.Text(), sum: sha256.New()}
	if err := p.run(ctx, data); err != nil {
		return blobstore.Info{}, fmt.Errorf("put in container %q: %w", container, err)
	}
	return blobstore.Info{Size: p.size, Created: time.Now()}, nil
}

// pendingPut is a running Put.
type pendingPut struct {
	s                 *store
	container, object string
	id                string    // of the object's bytes
	made              time.Time // when the container was, in which the bytes are
	sum               hash.Hash
	size              uint64
	chunks            uint32
}

func (p *pendingPut) run(ctx context.Context, data io.Reader) error {
	err := p.s.in(ctx, p.container, natsconn.CallTime, func(ctx context.Context, at *place) (err error) {
		p.made, err = at.created(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := p.store(ctx, data); err != nil {
		p.discard()
		return err
	}
	published := false
	err = p.s.in(ctx, p.container, natsconn.CallTime, func(ctx context.Context, at *place) error {
		made, err := at.created(ctx)
		if err != nil {
			return err
		}
		if !made.Equal(p.made) { // the bytes were in one that was deleted
			return blobstore.ErrNoSuchContainer
		}
		published = true
		return p.describe(ctx, at)
	})
	var refused *jetstream.APIError
	if err != nil && (!published || errors.As(err, &refused)) { // else the object may be there, although nobody has said so
		p.discard()
	}
	return err
}

// store stores the bytes.
func (p *pendingPut) store(ctx context.Context, data io.Reader) error {
	buf := make([]byte, 0, chunkSize)
	for {
		n, err := data.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && err != io.EOF {
			return err
		}
		if len(buf) == cap(buf) || err == io.EOF && len(buf) > 0 {
			if err := p.chunk(ctx, buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
		if err == io.EOF {
			return nil
		}
	}
}

// chunk stores a message with bytes.
func (p *pendingPut) chunk(ctx context.Context, data []byte) error {
	p.sum.Write(data)
	p.size += uint64(len(data))
	p.chunks++
	return p.s.in(ctx, p.container, natsconn.CallTime, func(ctx context.Context, at *place) error {
		_, err := at.js.PublishMsg(ctx, &nats.Msg{Subject: at.chunks(p.id), Data: data}, jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(streams+at.bucket))
		return err
	})
}

// describe stores the description, and has the server drop the bytes of the object that it replaces.
func (p *pendingPut) describe(ctx context.Context, at *place) error {
	info := &jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: nameOf(p.object), Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}},
		Bucket:     at.bucket, NUID: p.id, Size: p.size, Chunks: p.chunks,
		Digest: "SHA-256=" + base64.URLEncoding.EncodeToString(p.sum.Sum(nil)),
	}
	old, err := at.replace(ctx, p.object, func(*description) *jetstream.ObjectInfo { return info })
	if err == nil && old.sequence > 0 && !old.Deleted {
		_ = at.stream.Purge(ctx, jetstream.WithPurgeSubject(at.chunks(old.NUID))) // the object is there all the same
	}
	return err
}

// discard has the server drop the bytes of an object that did not come to be.
func (p *pendingPut) discard() {
	if p.chunks == 0 {
		return
	}
	// If it fails, bytes that nobody refers to are left until the container is deleted.
	_ = p.s.in(context.Background(), p.container, natsconn.CallTime, func(ctx context.Context, at *place) error {
		return at.stream.Purge(ctx, jetstream.WithPurgeSubject(at.chunks(p.id)))
	})
}

// replaced is a description that is there no more.
type replaced struct {
	*description
	replacedBy uint64 // the sequence of the message that is there now
}

// replace stores another description of an object than the one that is there, which it returns: of those who replace it at once, each gets another, so
// that the bytes of each are dropped. next says what to store; nil: nothing, and old is nil.
func (p *place) replace(ctx context.Context, object string, next func(*description) *jetstream.ObjectInfo) (old *replaced, err error) {
	for {
		d, err := p.describe(ctx, object)
		if err != nil {
			return nil, err
		}
		info := next(d)
		if info == nil {
			return nil, nil
		}
		data, err := json.Marshal(info)
		if err != nil {
			return nil, err
		}
		m := &nats.Msg{Subject: p.described(object), Header: nats.Header{jetstream.MsgRollup: []string{jetstream.MsgRollupSubject}}, Data: data}
		ack, err := p.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(streams+p.bucket), jetstream.WithExpectLastSequencePerSubject(d.sequence))
		if err == nil {
			return &replaced{d, ack.Sequence}, nil
		}
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence && api.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequenceConstant {
			return nil, err
		}
		select {
		case <-time.After(mathrand.N(2 * time.Millisecond)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
