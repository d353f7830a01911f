package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load is what a client saw.
type load struct {
	Requests int
	Errors   int
	FirstErr string `json:",omitempty"`
	PerSec   float64
	P50, P99 time.Duration
	Max      time.Duration
}

func (l load) String() string {
	s := fmt.Sprintf("%d requests, %d errors, %.0f/s, p50 %v, p99 %v, max %v", l.Requests, l.Errors, l.PerSec,
		l.P50.Round(time.Microsecond), l.P99.Round(time.Microsecond), l.Max.Round(time.Microsecond))
	if l.FirstErr != "" {
		s += ", first error: " + l.FirstErr
	}
	return s
}

// get sends requests without a body; see request.
func get(ctx context.Context, url string, n int, pause time.Duration) load {
	return request(ctx, url, nil, n, pause)
}

// request sends requests over n connections until ctx ends, at most one every pause on each connection.
func request(ctx context.Context, url string, body []byte, n int, pause time.Duration) load {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: n, MaxConnsPerHost: n, DisableCompression: true,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var sum load
	var times []time.Duration
	var wg sync.WaitGroup
	start := time.Now()
	for range n {
		wg.Go(func() {
			var mine []time.Duration
			errors, first := 0, ""
			for ctx.Err() == nil {
				t := time.Now()
				err := once(client, url, body)
				if err != nil {
					errors++
					if first == "" {
						first = err.Error()
					}
				}
				mine = append(mine, time.Since(t))
				if pause > 0 {
					time.Sleep(pause)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
			sum.Errors += errors
			if sum.FirstErr == "" {
				sum.FirstErr = first
			}
		})
	}
	wg.Wait()
	sum.Requests = len(times)
	sum.PerSec = float64(len(times)) / time.Since(start).Seconds()
	if len(times) > 0 {
		slices.Sort(times)
		sum.P50, sum.P99, sum.Max = times[len(times)/2], times[len(times)*99/100], times[len(times)-1]
	}
	return sum
}

func once(client *http.Client, url string, body []byte) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
