// Command fuzz runs fuzz targets one after the other and prints a table of their results.
//
//	go run ./tests/archtest/fuzz [-time 1m] [-parallel N] [./pkg:FuzzName…]
//
// Without arguments it runs all targets of the module. It exits with 1 if one of them crashed; the crashing input is in the
// package's testdata/fuzz then, and fails `go test` until the bug is fixed.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
)

// targets are the module's fuzz targets as package:name, the broadest first.
var targets = []string{
	"./component:FuzzLoad",
	"./internal/core:FuzzSame",
	"./internal/core:FuzzRewrite",
	"./internal/core:FuzzSymbol",
	"./internal/sourceline:FuzzNew",
	"./internal/cm/task:FuzzModel",
	"./internal/cm/task:FuzzPrograms",
	"./tests/guestprog:FuzzGuestPrograms",
	"./internal/cm/canon:FuzzValues",
	"./internal/cm/canon:FuzzLift",
	"./host:FuzzJSONLine",
	"./app:FuzzParse",
	"./app:FuzzRewrite",
	"./cli/internal/spintoml:FuzzImport",
	"./cli/internal/washconfig:FuzzImport",
	"./artifact:FuzzBundle",
	"./plugin/backend:FuzzEscape",
	"./plugin/redis/server:FuzzParse",
	"./workload/v1alpha1:FuzzDocument",
	"./trigger/http:FuzzAnswer",
	"./trigger/http:FuzzForwarded",
	"./trigger/http:FuzzPattern",
	"./trigger/http:FuzzRequest",
	"./trigger/timer:FuzzCron",
	"./wasi/http:FuzzSend",
	"./view/internal/forward:FuzzAnswer",
	"./view/internal/ingest:FuzzRead",
	"./wasi/http:FuzzFields",
	"./wasi/http:FuzzDestination",
	"./wasi/filesystem:FuzzPaths",
	"./wasi/otel/otlp:FuzzProtobuf",
	"./wasi/otel/otlp:FuzzJSON",
	"./wasi/otel/otlp:FuzzGzip",
	"./tests/otelchecks:FuzzCalls",
	"./plugin/otel:FuzzValue",
	"./plugin/otel:FuzzSpan",
	"./plugin/otel:FuzzLogRecord",
	"./plugin/otel:FuzzMetrics",
	"./internal/cm/binary:FuzzDecode",
	"./internal/cm/binary:FuzzEncode",
	"./internal/cm/encode:FuzzComponent",
	"./internal/cm/binary:FuzzDecodeModule",
	"./internal/cm/validate:FuzzComponent",
	"./internal/corewasm:FuzzInspect",
	"./telemetry/internal/span:FuzzDecode",
	"./telemetry/internal/span:FuzzRoundTrip",
	"./telemetry/internal/tree:FuzzCutAt",
	"./cm:FuzzToGo",
	"./wit:FuzzParse",
	"./bindgen:FuzzGenerate",
}

func main() {
	each := flag.String("time", "1m", "how long each target runs, as -fuzztime of go test")
	parallel := flag.Int("parallel", 0, "how many workers; 0: one for each processor")
	flag.Parse()
	list := flag.Args()
	if len(list) == 0 {
		list = targets
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results := make([]result, 0, len(list))
	failed := false
	for _, t := range list {
		r := run(ctx, t, *each, *parallel)
		results = append(results, r)
		if failed = failed || r.crashed; ctx.Err() != nil {
			break
		}
	}
	table(os.Stdout, results)
	if failed || ctx.Err() != nil {
		os.Exit(1)
	}
}

// result is the result of one target.
type result struct {
	target     string
	took       time.Duration
	executions string
	inputs     string // new interesting ones, and all
	crashed    bool
	input      string // the crashing input
}

var (
	progressRE = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+) \(total: (\d+)\)`)
	inputRE    = regexp.MustCompile(`Failing input written to (\S+)`)
)

// run runs one target and prints the output of go test. Minimising is limited, as go test would spend a minute on each new
// input.
func run(ctx context.Context, target, each string, parallel int) (r result) {
	r.target = target
	begin := time.Now()
	defer func() { r.took = time.Since(begin).Round(time.Second) }()
	pkg, name, ok := strings.Cut(target, ":")
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: want ./package:FuzzName\n", target)
		r.crashed = true
		return r
	}
	args := []string{"test", "-run", "^$", "-fuzz", "^" + name + "$", "-fuzztime", each, "-fuzzminimizetime", "20x"}
	if parallel > 0 {
		args = append(args, "-parallel", fmt.Sprint(parallel))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	read := make(chan struct{})
	go func() {
		defer close(read)
		r.read(out)
	}()
	fmt.Printf("%s for %s\n", target, each)
	err := cmd.Run()
	w.Close()
	<-read
	r.crashed = err != nil && ctx.Err() == nil
	return r
}

// read reads figures from the output of go test and prints it.
func (r *result) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := progressRE.FindStringSubmatch(line); m != nil {
			r.executions, r.inputs = m[1], m[2]+" of "+m[3]
		}
		if m := inputRE.FindStringSubmatch(line); m != nil {
			r.input = m[1]
		}
		fmt.Println("  " + line)
	}
	_, _ = io.Copy(io.Discard, out) // a line beyond all bounds must not stop the target
}

func table(out io.Writer, results []result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ntarget\ttime\texecutions\tnew inputs\tcrashes")
	for _, r := range results {
		crashes := "0"
		if r.crashed {
			crashes = strings.TrimSpace("1 " + r.input)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.target, r.took, r.executions, r.inputs, crashes)
	}
	w.Flush()
}
