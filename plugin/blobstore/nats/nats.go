// Package nats is a backend that keeps objects in NATS: an object store of JetStream for each container, as NATS' own clients know it. An object is a
// message that describes it, which names it and is replaced at once, and messages of up to 128 KiB with its bytes.
//
// Objects are read from their beginning, also by ranges, since NATS does not say where in a stream a byte is.
package nats

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {nats: "nats://127.0.0.1:4222"}, or {nats: {url: …, credentials: nats.creds}}.
type Config = natsconn.Config

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "nats", Doc: "Object stores of a NATS server with JetStream.", Config: Config{}, Check: func(config any) (key, problem string) {
		return config.(Config).Check()
	}}
}

// Backend implements blobstore.Backend.
type Backend struct {
	server *natsconn.Conn

	mu    sync.Mutex
	known map[string]jetstream.Stream // by their names; a stream that was made anew is used in the same way
}

var (
	_ blobstore.Backend  = (*Backend)(nil)
	_ backend.Dropper    = (*Backend)(nil)
	_ backend.Persistent = (*Backend)(nil)
	_ backend.Notifier   = (*Backend)(nil)
	_ blobstore.Store    = (*store)(nil)
)

const maxKnown = 10_000

// Open makes a backend for a server, and connects to it in the background, for as long as it takes. It reads secrets at once. The backend must
// be closed.
func Open(c Config) (*Backend, error) {
	server, err := natsconn.Open(c)
	if err != nil {
		return nil, err
	}
	return &Backend{server: server, known: map[string]jetstream.Stream{}}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "nats" }

// Persistent implements backend.Persistent.
func (*Backend) Persistent() bool { return true }

// Notify implements backend.Notifier.
func (b *Backend) Notify(f func(err error)) (stop func()) { return b.server.Notify(f) }

// Close ends the connection.
func (b *Backend) Close() error { return b.server.Close() }

// Store implements blobstore.Backend.
func (b *Backend) Store(owner blobstore.Owner) blobstore.Store { return &store{b, owner} }

// streams is what the names of the streams of object stores begin with.
const streams = "OBJ_"

// Drop implements backend.Dropper.
func (b *Backend) Drop(owner blobstore.Owner) {
	// An error leaves the data to the next workload of the name, whose last binding drops it again.
	_ = b.server.Do(context.Background(), natsconn.CallTime, func(ctx context.Context, js jetstream.JetStream) error {
		return natsconn.DropStreams(ctx, js, streams+natsconn.Prefix(owner))
	})
}

// store is that of one owner.
type store struct {
	*Backend
	owner blobstore.Owner
}

// place is a container while a call uses it.
type place struct {
	js     jetstream.JetStream
	bucket string
	stream jetstream.Stream
}

// in calls f with a container. It names the error if the container is not there.
func (s *store) in(ctx context.Context, container string, limit time.Duration, f func(context.Context, *place) error) error {
	bucket, err := natsconn.Bucket(s.owner, container)
	if err != nil {
		return err
	}
	return failure(s.server.Do(ctx, limit, func(ctx context.Context, js jetstream.JetStream) error {
		p := &place{js: js, bucket: bucket}
		err := s.find(ctx, p)
		if err == nil {
			err = f(ctx, p)
		}
		if err != nil && natsconn.NoStream(ctx, js, streams+bucket, err) {
			return fmt.Errorf("%q: %w", container, blobstore.ErrNoSuchContainer)
		}
		return err
	}))
}

// find finds a container's stream, which is asked for once.
func (s *store) find(ctx context.Context, p *place) (err error) {
	s.mu.Lock()
	p.stream = s.known[p.bucket]
	s.mu.Unlock()
	if p.stream != nil {
		return nil
	}
	if p.stream, err = p.js.Stream(ctx, streams+p.bucket); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[p.bucket] = p.stream
	return nil
}

func (s *store) CreateContainer(ctx context.Context, name string) error {
	bucket, err := natsconn.Bucket(s.owner, name)
	if err != nil {
		return err
	}
	return failure(s.server.Do(ctx, natsconn.CallTime, func(ctx context.Context, js jetstream.JetStream) error {
		// To make the same stream again is no error for NATS, so that each is another.
		_, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket, Storage: jetstream.FileStorage, Metadata: map[string]string{"vitrine-creation": rand.Text()}})
		if errors.Is(err, jetstream.ErrBucketExists) {
			return fmt.Errorf("container %q: %w", name, blobstore.ErrExists)
		}
		return err
	}))
}

func (s *store) DeleteContainer(ctx context.Context, name string) error {
	return s.in(ctx, name, natsconn.CallTime, func(ctx context.Context, p *place) error { return natsconn.DeleteStream(ctx, p.js, streams+p.bucket) })
}

func (s *store) Container(ctx context.Context, name string) (info blobstore.ContainerInfo, err error) {
	err = s.in(ctx, name, natsconn.CallTime, func(ctx context.Context, p *place) (err error) {
		info.Created, err = p.created(ctx)
		return err
	})
	return info, err
}

// created is when the container was made, as the server says now.
func (p *place) created(ctx context.Context) (time.Time, error) {
	now, err := p.js.Stream(ctx, streams+p.bucket)
	if err != nil {
		return time.Time{}, err
	}
	return now.CachedInfo().Created, nil
}

// The subjects of an object's messages. Only the one that describes it has its name.
func (p *place) chunks(id string) string { return "$O." + p.bucket + ".C." + id }
func (p *place) described(object string) string {
	return "$O." + p.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(nameOf(object)))
}

// nameOf is an object's name in NATS, which must not be empty.
func nameOf(object string) string {
	if object == "" || object[0] == '%' {
		return "%" + object
	}
	return object
}

// objectOf is the object of a name in NATS.
func objectOf(name string) (object string, ok bool) {
	object = strings.TrimPrefix(name, "%")
	return object, nameOf(object) == name
}

// maxName bounds an object's name, in bytes: a server's lines have 4096, and the name is a third longer in one.
const maxName = 2000

// description is the message that describes an object, or says that it was deleted.
type description struct {
	jetstream.ObjectInfo
	sequence uint64 // of the message; 0: there is none
	stored   time.Time
}

// there says that there is an object. A link, which other programs can make, is none.
func (d *description) there() bool {
	return d.sequence > 0 && !d.Deleted && (d.Opts == nil || d.Opts.Link == nil)
}

// describe returns the description of an object, without a sequence if there was never one.
func (p *place) describe(ctx context.Context, object string) (*description, error) {
	if len(object) > maxName {
		return &description{}, nil
	}
	m, err := p.stream.GetLastMsgForSubject(ctx, p.described(object))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return &description{}, nil
	}
	if err != nil {
		return nil, err
	}
	d := &description{sequence: m.Sequence, stored: m.Time}
	if err := json.Unmarshal(m.Data, &d.ObjectInfo); err != nil {
		return nil, errors.New("what describes the object is not in NATS' form")
	}
	return d, nil
}

// failure names an error that guests are told.
func failure(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && (strings.Contains(api.Description, "maximum") || strings.Contains(api.Description, "insufficient")) {
		return fmt.Errorf("%w: %w", blobstore.ErrFull, err)
	}
	return err
}
