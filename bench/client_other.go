//go:build !linux

package main

import (
	"context"
	"sync"
	"time"
)

// requestAll sends the same request over n connections until ctx ends and calls done after each.
func requestAll(ctx context.Context, addr string, text []byte, n int, done func(time.Duration, error)) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			requestOne(ctx, addr, text, 0, func(d time.Duration, err error) {
				mu.Lock()
				defer mu.Unlock()
				done(d, err)
			})
		})
	}
	wg.Wait()
	return nil
}
