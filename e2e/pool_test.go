package e2e

import (
	"io"
	"net/http"
	"sync"
	"testing"
)

// TestBurst: of many requests at once, as many run and wait as the limits allow; the others get 503 with Retry-After, and
// another component of the process serves requests meanwhile.
func TestBurst(t *testing.T) {
	const most, queue, burst = 2, 3, 25
	s := hostile(t, "deadline: 4s, fuel: 1T", "--max-instances", "2", "--queue", "3", "--ready", "2")
	stop := s.probeNeighbour()
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for range burst {
		wg.Go(func() {
			resp, err := http.Get(s.base + "/bad/s")
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			again := resp.Header.Get("Retry-After")
			if busy := resp.StatusCode == 503; err != nil || busy != (again == "1") || busy != (string(body) == "too busy, try again later\n") {
				t.Errorf("%d, Retry-After %q, %q, %v", resp.StatusCode, again, body, err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[resp.StatusCode]++
		})
	}
	wg.Wait()
	// The requests that wait reach their deadline at the same time as those that run.
	if len(got) != 2 || got[504] != most+queue || got[503] != burst-most-queue {
		t.Errorf("statuses %v", got)
	}
	if n, err := stop(); err != nil || n == 0 {
		t.Errorf("after %d answers the good component failed: %v", n, err)
	}
	for range 3 {
		s.expect("/bad/u", "", 500, "the component failed\n")
	}
	s.waitForConsole("trap: overload: bad: 2 instances run and 3 invocations wait")
}
