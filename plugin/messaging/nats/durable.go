package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// maxStream bounds a stream that is made here, in bytes. It refuses what comes beyond it, and drops nothing.
const maxStream = 1 << 30

// consume makes or finds the consumer of a durable subscription. Group means nothing there: all who name the consumer share its messages.
func (b *Backend) consume(ctx context.Context, js jetstream.JetStream, s messaging.Subscription) (messaging.Source, error) {
	stream, err := b.streamOf(ctx, js, s.Subject)
	if err != nil {
		return nil, err
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: s.Durable, FilterSubject: s.Subject, AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.Wait,
		DeliverPolicy: jetstream.DeliverNewPolicy, MaxDeliver: -1, MaxAckPending: max(s.Pending, 1),
	})
	if err != nil {
		return nil, failure(err)
	}
	d := &durable{consumer: consumer}
	d.open, d.close = context.WithCancel(b.server.Ended())
	return d, nil
}

// streamOf is the name of the stream that keeps a subject.
func (b *Backend) streamOf(ctx context.Context, js jetstream.JetStream, subject string) (string, error) {
	if b.stream == "" {
		name, err := js.StreamNameBySubject(ctx, subject)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return "", fmt.Errorf("no stream keeps %s, which a durable subscription needs: name one in the grant, as {nats: {url: …, stream: NAME}}", subject)
		}
		return name, failure(err)
	}
	_, err := js.Stream(ctx, b.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: b.stream, Subjects: []string{subject}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, MaxBytes: maxStream,
			Retention: jetstream.InterestPolicy,
		})
	}
	return b.stream, failure(err)
}

// durable implements messaging.Source. Each Next asks the server for one message: what waits, waits there.
type durable struct {
	consumer jetstream.Consumer
	open     context.Context
	close    context.CancelFunc
}

// fetchTime is how long the server waits for a message before it is asked again.
const fetchTime = 20 * time.Second

// Next implements messaging.Source.
func (d *durable) Next(ctx context.Context) (messaging.Delivery, error) {
	for {
		fetch, cancel := context.WithTimeout(ctx, fetchTime)
		stop := context.AfterFunc(d.open, cancel)
		m, err := d.consumer.Next(jetstream.FetchContext(fetch))
		if errors.Is(err, jetstream.ErrInvalidOption) { // what is left of ctx is too little for the library
			<-fetch.Done()
		}
		over := fetch.Err() != nil
		stop()
		cancel()
		switch {
		case err == nil:
			return newKept(m), nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case d.open.Err() != nil:
			return nil, errors.New("the subscription is closed")
		case over, errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrNoMessages): // nothing has come
		default:
			return nil, failure(err)
		}
	}
}

// Lost implements messaging.Source.
func (*durable) Lost() int64 { return 0 }

// Close implements messaging.Source. The server keeps the consumer.
func (d *durable) Close() error {
	d.close()
	return nil
}

// kept is a message of a stream.
type kept struct {
	m       jetstream.Msg
	attempt int
}

func newKept(m jetstream.Msg) *kept {
	k := &kept{m: m, attempt: 1}
	if meta, err := m.Metadata(); err == nil {
		k.attempt = int(meta.NumDelivered)
	}
	return k
}

// Message implements messaging.Delivery. A message of a stream has no subject for answers.
func (k *kept) Message() *messaging.Message {
	return fromNATS(k.m.Subject(), "", k.m.Data(), k.m.Headers())
}

// Attempt implements messaging.Delivery.
func (k *kept) Attempt() int { return k.attempt }

// Done implements messaging.Delivery. It waits for the server's word.
func (k *kept) Done(ctx context.Context) error { return failure(k.m.DoubleAck(ctx)) }

// Retry implements messaging.Delivery.
func (k *kept) Retry(_ context.Context, after time.Duration) error {
	return failure(k.m.NakWithDelay(after))
}
