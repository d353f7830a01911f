package wasihttp

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestHeeding: a body is not read on when its context has ended, and can be closed.
func TestHeeding(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	body := heeding{ctx, io.NopCloser(strings.NewReader("abc"))}
	b := make([]byte, 1)
	if n, err := body.Read(b); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	cancel()
	if n, err := body.Read(b); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}
