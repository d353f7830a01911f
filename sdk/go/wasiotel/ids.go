package wasiotel

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ids makes the identifiers of traces and spans. Its seed is drawn from the host for each request, when the first identifier is needed: the SDK's own generator
// has a seed from the program's start, which is the same in all instances that a host makes from one snapshot.
type ids struct {
	mu     sync.Mutex
	random *rand.ChaCha8 // nil before it is needed
}

var _ sdktrace.IDGenerator = (*ids)(nil)

// reseed has the next identifier draw another seed.
func (g *ids) reseed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.random = nil
}

// NewIDs makes a trace identifier and a span identifier.
func (g *ids) NewIDs(ctx context.Context) (t trace.TraceID, s trace.SpanID) {
	for !t.IsValid() {
		binary.LittleEndian.PutUint64(t[:], g.next())
		binary.LittleEndian.PutUint64(t[8:], g.next())
	}
	return t, g.NewSpanID(ctx, t)
}

// NewSpanID makes a span identifier.
func (g *ids) NewSpanID(context.Context, trace.TraceID) (s trace.SpanID) {
	for !s.IsValid() {
		binary.LittleEndian.PutUint64(s[:], g.next())
	}
	return s
}

func (g *ids) next() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.random == nil {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // does not fail
		g.random = rand.NewChaCha8(seed)
	}
	return g.random.Uint64()
}
