package natsconn

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ScanTime is for [Conn.Do] with [Scan]: as long as a call may take that reads all of a stream.
const ScanTime = time.Minute

// Do calls f while there is a connection: f's context ends with ctx, with the connection, and after limit, and then Do's error says which.
func (b *Conn) Do(ctx context.Context, limit time.Duration, f func(context.Context, jetstream.JetStream) error) error {
	_, js, err := b.Get(ctx)
	if err != nil {
		return err
	}
	call, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(ErrNoAnswer) }).Stop()
	b.mu.Lock()
	connected := b.connected
	b.mu.Unlock()
	defer context.AfterFunc(connected, func() { cancel(ErrDown) })()
	err = f(call, js)
	switch {
	case err != nil && call.Err() != nil:
		return context.Cause(call)
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return ErrNoAnswer
	}
	return err
}

// NoStream says that a stream is not there: err is of a call on it. It asks the server where err leaves that open.
func NoStream(ctx context.Context, js jetstream.JetStream, stream string, err error) bool {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrBucketNotFound):
		return true
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		_, err = js.Stream(ctx, stream)
		return errors.Is(err, jetstream.ErrStreamNotFound)
	}
	return false
}

const (
	scanBatch = 1000
	scanWait  = 500 * time.Millisecond // for messages that the server has said are there
	scanAfter = time.Minute            // the server's own patience with a scan that has stopped
)

// Scan calls each with the last message of each subject that matches, as they are when it comes to them. The messages have no bodies if
// headers is true.
func Scan(ctx context.Context, js jetstream.JetStream, stream, subjects string, headers bool, each func(jetstream.Msg)) error {
	c, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		FilterSubject: subjects, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, AckPolicy: jetstream.AckNonePolicy,
		HeadersOnly: headers, MemoryStorage: true, InactiveThreshold: scanAfter,
	})
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), CallTime)
		defer cancel()
		_ = js.DeleteConsumer(end, stream, c.CachedInfo().Name) // the server does it as well, later
	}()
	left := c.CachedInfo().NumPending
	for left > 0 {
		batch, err := c.Fetch(int(min(left, scanBatch)), jetstream.FetchMaxWait(scanWait))
		if err != nil {
			return err
		}
		got := 0
		for m := range batch.Messages() {
			got++
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			left = meta.NumPending
			each(m)
			if left == 0 {
				break
			}
		}
		if err := batch.Error(); err != nil && left > 0 {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if got == 0 && left > 0 { // what was there is there no more, or the server is slow
			info, err := c.Info(ctx)
			if err != nil {
				return err
			}
			left = info.NumPending
		}
	}
	return nil
}

// DeleteStream deletes a stream. It is emptied before: a server may give a stream that is made of that name at once what it has not removed from its
// disk yet.
func DeleteStream(ctx context.Context, js jetstream.JetStream, name string) error {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	if err := stream.Purge(ctx); err != nil {
		return err
	}
	return js.DeleteStream(ctx, name)
}

// DropStreams deletes the streams whose names begin with a prefix.
func DropStreams(ctx context.Context, js jetstream.JetStream, prefix string) error {
	names := js.StreamNames(ctx)
	var drop []string
	for name := range names.Name() {
		if strings.HasPrefix(name, prefix) {
			drop = append(drop, name)
		}
	}
	err := names.Err()
	for _, name := range drop {
		if e := DeleteStream(ctx, js, name); !errors.Is(e, jetstream.ErrStreamNotFound) {
			err = errors.Join(err, e)
		}
	}
	return err
}
