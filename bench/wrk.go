package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// loader makes the load of a measurement: answers are awaited on n connections for a time.
type loader func(base string, j job, n int, d time.Duration) load

// ownClient is the client of this package.
func ownClient(base string, j job, n int, d time.Duration) load {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return request(ctx, base+j.path, j.body, n, 0)
}

// wrkClient runs wrk, with one thread as our own client has one. wrk counts no answer that came after the time.
func wrkClient(dir string) loader {
	return func(base string, j job, n int, d time.Duration) load {
		args := []string{"-t1", fmt.Sprintf("-c%d", n), fmt.Sprintf("-d%ds", max(1, int(d.Seconds()+0.5))), "--timeout", "30s", "--latency"}
		if j.body != nil {
			script := filepath.Join(dir, "post.lua")
			body := filepath.Join(dir, "body")
			text := fmt.Sprintf("wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = io.open(%q, \"rb\"):read(\"*a\")\n", body)
			if err := os.WriteFile(body, j.body, 0o644); err != nil {
				return load{Errors: 1, FirstErr: err.Error()}
			}
			if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
				return load{Errors: 1, FirstErr: err.Error()}
			}
			args = append(args, "-s", script)
		}
		out, err := exec.Command("wrk", append(args, base+j.path)...).CombinedOutput()
		if err != nil {
			return load{Errors: 1, FirstErr: fmt.Sprintf("wrk: %v: %s", err, out)}
		}
		return parseWrk(string(out))
	}
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in `)
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkP        = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)`)
	wrkMax      = regexp.MustCompile(`Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s|m)`)
	wrkErrors   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

// parseWrk reads what wrk --latency prints.
func parseWrk(text string) (l load) {
	if m := wrkRequests.FindStringSubmatch(text); m != nil {
		l.Requests, _ = strconv.Atoi(m[1])
	}
	if m := wrkRate.FindStringSubmatch(text); m != nil {
		l.PerSec, _ = strconv.ParseFloat(m[1], 64)
	}
	for _, m := range wrkP.FindAllStringSubmatch(text, -1) {
		if m[1] == "50" {
			l.P50 = wrkTime(m[2], m[3])
		} else {
			l.P99 = wrkTime(m[2], m[3])
		}
	}
	if m := wrkMax.FindStringSubmatch(text); m != nil {
		l.Max = wrkTime(m[1], m[2])
	}
	for _, m := range wrkErrors.FindAllStringSubmatch(text, -1) {
		for _, n := range m[1:] {
			k, _ := strconv.Atoi(n)
			l.Errors += k
		}
		l.FirstErr = strings.TrimSpace(m[0])
	}
	if l.Errors == 0 {
		l.FirstErr = ""
	}
	return l
}

func wrkTime(figure, unit string) time.Duration {
	d, _ := time.ParseDuration(figure + unit)
	return d
}
