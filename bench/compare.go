package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/otlptest/otlpcount"
)

// job is one kind of request that every server under comparison can answer.
type job struct {
	name, path string
	body       []byte
}

// jobs fit examples/demo/guests/hello-rust.wasm; the plain net/http server answers them alike.
var jobs = []job{
	{"hello", "/hello", nil},
	{"echo 16 KB", "/echo", bytes.Repeat([]byte(`{"k":"vvvvvvvv"}`), 1024)},
	{"stream 1 MB", "/chunks?n=16&ms=0&size=65536", nil},
	{"compute", "/count", bytes.Repeat([]byte("0123456789abcdef"), 16<<10)},
}

// cell is one server on one job at one concurrency.
type cell struct {
	Server, Job string
	Conns       int
	Load        load
	CPU         time.Duration // of the server, a request
	RSS         float64       // MiB at the end
}

type compareResult struct {
	Missing []string // what could not be compared, and why
	Rounds  int
	Cells   []cell // medians of the rounds
	Spread  map[string]float64
}

func (r compareResult) key(c cell) string { return fmt.Sprintf("%s/%s/%d", c.Server, c.Job, c.Conns) }

func (r compareResult) String() string {
	var b strings.Builder
	for _, m := range r.Missing {
		fmt.Fprintln(&b, "missing:", m)
	}
	fmt.Fprintf(&b, "medians of %d rounds; ± is half the range of req/s as a share of the median; ratio is against net/http\n", r.Rounds)
	fmt.Fprintf(&b, "%-12s %5s  %-22s %10s %6s %9s %10s %10s %8s %7s\n", "job", "conns", "server", "req/s", "±", "cpu/req", "p50", "p99", "rss MiB", "ratio")
	ceiling := map[string]float64{}
	for _, c := range r.Cells {
		if c.Server == "net/http" {
			ceiling[fmt.Sprintf("%s/%d", c.Job, c.Conns)] = c.Load.PerSec
		}
	}
	for _, c := range r.Cells {
		fmt.Fprintf(&b, "%-12s %5d  %-22s %10.0f %5.0f%% %9v %10v %10v %8.0f %7.3f", c.Job, c.Conns, c.Server, c.Load.PerSec, 100*r.Spread[r.key(c)],
			c.CPU.Round(time.Microsecond), c.Load.P50.Round(time.Microsecond), c.Load.P99.Round(time.Microsecond), c.RSS,
			c.Load.PerSec/ceiling[fmt.Sprintf("%s/%d", c.Job, c.Conns)])
		if c.Load.Errors > 0 {
			fmt.Fprintf(&b, "  %d errors: %s", c.Load.Errors, c.Load.FirstErr)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// contender is a server under comparison: start runs it.
type contender struct {
	name  string
	start func() (*process, error)
}

// compare measures servers in turns, round by round, so that a noisy moment does not hit one of them alone.
func compare(r *run, args []string) (any, error) {
	duration := r.flags.Duration("duration", 3*time.Second, "how long each measurement takes")
	rounds := r.flags.Int("rounds", 3, "how often each is repeated")
	conns := r.flags.String("c", "1,32,256", "connections")
	only := r.flags.String("jobs", "", "jobs to run, by the beginning of their names, separated by commas; all when empty")
	guest := r.flags.String("guest", "examples/demo/guests/hello-rust.wasm", "the component")
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := r.parse(args, dir); err != nil {
		return nil, err
	}
	recv, err := otlpcount.NewReceiver()
	if err != nil {
		return nil, err
	}
	defer recv.Close()
	out := compareResult{Rounds: *rounds, Spread: map[string]float64{}}
	list := contenders(r.binary, *guest, recv.URL, &out)
	seen := map[string][]cell{}
	var order []string
	for round := range *rounds {
		for _, c := range list {
			p, err := c.start()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			for _, j := range jobs {
				if *only != "" && !slices.ContainsFunc(strings.Split(*only, ","), func(s string) bool { return strings.HasPrefix(j.name, s) }) {
					continue
				}
				for _, n := range strings.Split(*conns, ",") {
					k, err := strconv.Atoi(n)
					if err != nil {
						return nil, fmt.Errorf("-c %s: %w", *conns, err)
					}
					got := measure(p, j, k, *duration)
					got.Server = c.name
					key := out.key(got)
					if round == 0 {
						order = append(order, key)
					}
					seen[key] = append(seen[key], got)
				}
			}
			_ = p.stop()
		}
	}
	for _, key := range order {
		cells := seen[key]
		slices.SortFunc(cells, func(a, b cell) int { return int(a.Load.PerSec - b.Load.PerSec) })
		mid := cells[len(cells)/2]
		out.Cells = append(out.Cells, mid)
		out.Spread[key] = (cells[len(cells)-1].Load.PerSec - cells[0].Load.PerSec) / 2 / max(mid.Load.PerSec, 1)
	}
	slices.SortStableFunc(out.Cells, func(a, b cell) int {
		if d := slices.IndexFunc(jobs, func(j job) bool { return j.name == a.Job }) - slices.IndexFunc(jobs, func(j job) bool { return j.name == b.Job }); d != 0 {
			return d
		}
		return a.Conns - b.Conns
	})
	return out, nil
}

func contenders(binary, guest, otlp string, out *compareResult) []contender {
	quiet := []string{"--log-level", "error"}
	vitrine := func(name string, env []string, flags ...string) contender {
		return contender{name, func() (*process, error) { return serve(binary, env, append(append(flags, quiet...), guest)...) }}
	}
	on := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + otlp, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	list := []contender{
		{"net/http", func() (*process, error) { return other(os.Args[0], "plain") }},
		vitrine("vitrine", nil),
		vitrine("vitrine telemetry", on),
		vitrine("vitrine detail all", on, "--detail", "all"),
		vitrine("vitrine snapshot", nil, "--isolation", "snapshot"),
	}
	if _, err := exec.LookPath("wasmtime"); err != nil {
		out.Missing = append(out.Missing, "wasmtime serve: no wasmtime on the PATH (cargo install wasmtime-cli --version 48.0.8 --locked)")
	} else {
		list = append(list, contender{"wasmtime serve", func() (*process, error) { return other("wasmtime", "serve", "-Scli", guest) }})
	}
	return list
}

// other starts a server that is told its address by --addr.
func other(name string, args ...string) (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	p := &process{cmd: exec.Command(name, append([]string{args[0], "--addr", addr}, args[1:]...)...), base: "http://" + addr, done: make(chan struct{})}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	close(p.done)
	for range 300 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return p, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = p.stop()
	return nil, fmt.Errorf("not ready after 15 seconds")
}

func measure(p *process, j job, conns int, d time.Duration) cell {
	warm, stop := context.WithTimeout(context.Background(), d/6)
	request(warm, p.base+j.path, j.body, conns, 0)
	stop()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	before := p.cpu()
	l := request(ctx, p.base+j.path, j.body, conns, 0)
	return cell{Job: j.name, Conns: conns, Load: l, CPU: (p.cpu() - before) / time.Duration(max(l.Requests, 1)), RSS: p.rss()}
}

// plain serves the jobs by net/http alone: what the machine and the client can do at most.
func plain(r *run, args []string) (any, error) {
	addr := r.flags.String("addr", "127.0.0.1:0", "where to listen")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello from net/http\n") })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(w, req.Body) })
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte{'.'}, 65536)
		for range 16 {
			_, _ = w.Write(chunk)
		}
	})
	mux.HandleFunc("/count", func(w http.ResponseWriter, req *http.Request) {
		var n, sum uint32
		b, _ := io.ReadAll(req.Body)
		for _, c := range b {
			n, sum = n+1, sum*31+uint32(c)
		}
		fmt.Fprintf(w, "bytes=%d sum=%08x\n", n, sum)
	})
	return nil, http.ListenAndServe(*addr, mux)
}
