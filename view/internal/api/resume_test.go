package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestFollowResumes: a client whose connection is cut again and again goes on where it was, by since or by Last-Event-ID: it gets each record,
// and none twice, while others come.
func TestFollowResumes(t *testing.T) {
	const batches, each = 12, 9
	now := time.Now().UnixNano()
	for _, signal := range []struct {
		name  string
		batch func(i int) string // with the keys i*each and on
	}{
		{"traces", func(i int) string {
			var all []string
			for n := range each {
				all = append(all, spans(fmt.Sprintf("%032x", i*each+n+1), "shop", fmt.Sprint("n", i*each+n), 1, time.Millisecond))
			}
			return strings.Join(all, "\n")
		}},
		{"logs", func(i int) string {
			var all []string
			for n := range each {
				all = append(all, logLine(traceA, fmt.Sprint("n", i*each+n), 9))
			}
			return strings.Join(all, "\n")
		}},
		{"metrics", func(i int) string { // three metrics of three points: a connection is cut inside one, too
			var all []string
			for m := range each / 3 {
				var points []string
				for n := range 3 {
					points = append(points, fmt.Sprintf(`{"timeUnixNano":"%d","asInt":"1","attributes":[{"key":"n","value":{"stringValue":"n%d"}}]}`, now-int64(i*each+3*m+n), i*each+3*m+n)) // the later ones are of earlier times
				}
				all = append(all, otlpMetric("shop", "x", "", `"gauge":{"dataPoints":[`+strings.Join(points, ",")+`]}`))
			}
			return strings.Join(all, "\n")
		}},
	} {
		for _, events := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s events %v", signal.name, events), func(t *testing.T) {
				c := serve(t, Config{Store: openStore(t)})
				c.post("/api/v1/import", signal.batch(0))
				done := make(chan struct{})
				go func() {
					defer close(done)
					for i := 1; i < batches; i++ {
						c.post("/api/v1/import", signal.batch(i))
					}
				}()
				seen := map[string]bool{}
				at, cuts := "", 0
				for len(seen) < batches*each {
					records := c.follow(t, signal.name, at, events, min(1+cuts%7, batches*each-len(seen)))
					cuts++
					for _, r := range records {
						key := fmt.Sprint(r["name"])
						switch signal.name {
						case "logs":
							key = fmt.Sprint(r["body"])
						case "metrics":
							key = fmt.Sprint(r["attributes"].(map[string]any)["n"])
						}
						if seen[key] {
							t.Fatalf("%s comes twice, after %d cuts", key, cuts)
						}
						seen[key], at = true, r["at"].(string)
					}
				}
				<-done
				for i := range batches * each {
					if !seen[fmt.Sprint("n", i)] {
						t.Errorf("n%d is missing", i)
					}
				}
			})
		}
	}
}

// follow reads so many records behind a place, and cuts the connection.
func (c client) follow(t *testing.T, signal, at string, events bool, most int) (out []map[string]any) {
	t.Helper()
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	url := c.url + "/api/v1/" + signal + "?follow=true&limit=5000"
	if !events {
		url += "&since=" + at
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if events {
		q.Header.Set("Accept", "text/event-stream")
		q.Header.Set("Last-Event-ID", at)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	id := ""
	for lines := bufio.NewScanner(a.Body); len(out) < most && lines.Scan(); {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "id: "); ok {
			id = rest
			continue
		}
		line = strings.TrimPrefix(line, "data: ")
		if line == "" || line == ":" {
			continue
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if events && one["at"] != id {
			t.Errorf("the id of %s is %s", line, id)
		}
		out = append(out, one)
	}
	return out
}
