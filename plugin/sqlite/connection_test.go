package sqlite

import (
	"context"
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// held is a connection whose statement ends when the test says so.
type held struct{ began, end chan struct{} }

func (h *held) Query(context.Context, string, []Value, func(int) error) (Result, error) {
	close(h.began)
	<-h.end
	return Result{}, nil
}
func (*held) LastInsertID() int64 { return 7 }
func (*held) Changes() uint64     { return 3 }
func (*held) Close() error        { return nil }

// TestCancelledCall: a call that waits for another one of its connection ends with its own context.
func TestCancelledCall(t *testing.T) {
	h := &held{make(chan struct{}), make(chan struct{})}
	c := &connection{busy: make(chan struct{}, 1), conn: h}
	first := make(chan error)
	go func() {
		var held cm.Holding
		_, err := c.query(t.Context(), "", nil, &held)
		first <- err
	}()
	<-h.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var holding cm.Holding
	if _, err := c.query(ctx, "", nil, &holding); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := c.changes(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(h.end)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if n, err := c.lastInsertID(t.Context()); n != 7 || err != nil {
		t.Error(n, err)
	}
}
