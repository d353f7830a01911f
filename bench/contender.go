package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// contender is a server to be compared.
type contender struct {
	name   string
	about  string // what it is, in one line
	middle bool   // measured at the middle concurrency only: it shows the effect of a setting
	// command starts the server of a component at an address.
	command func(guest, addr string) *exec.Cmd
}

// Names for aims and ratios.
const (
	isPlain     = "net/http"
	isFresh     = "vitrine"
	isTelemetry = "vitrine telemetry"
	isSnapshot  = "vitrine snapshot"
	isWasmtime  = "wasmtime"
)

// vitrineUp is vitrine with its own compile cache; guests' output goes to /dev/null, as for every contender.
func vitrineUp(binary, cache string, env []string, flags ...string) func(guest, addr string) *exec.Cmd {
	return func(guest, addr string) *exec.Cmd {
		cmd := exec.Command(binary, append(append([]string{"up", "--listen", addr, "--cache-dir", cache}, flags...), guest)...)
		cmd.Env = append(withoutOTel(os.Environ()), env...)
		return cmd
	}
}

// withoutOTel is env without the variables of OpenTelemetry.
func withoutOTel(env []string) (out []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, "OTEL_") && !strings.HasPrefix(e, "VITRINE_") {
			out = append(out, e)
		}
	}
	return out
}

func wasmtimeServe(binary string, flags ...string) func(guest, addr string) *exec.Cmd {
	return func(guest, addr string) *exec.Cmd {
		return exec.Command(binary, append(append([]string{"serve", "-Scli", "-Ccache=y", "--addr", addr}, flags...), guest)...)
	}
}

// contenders are the servers of a comparison; missing lists those that are not installed.
func contenders(vitrine, cache, otlp string) (list []contender, wasmtime string, missing []string) {
	otel := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + otlp, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	list = []contender{
		{isFresh, "fresh, telemetry off", false, vitrineUp(vitrine, cache, nil)},
		{isTelemetry, "fresh, traces, metrics and logs to a collector", false, vitrineUp(vitrine, cache, otel)},
		{"vitrine detail all", "the same with --detail all", false, vitrineUp(vitrine, cache, otel, "--detail", "all")},
		{isSnapshot, "--isolation snapshot, telemetry off", false, vitrineUp(vitrine, cache, nil, "--isolation", "snapshot")},
	}
	wasmtime, err := exec.LookPath("wasmtime")
	if err != nil {
		return list, "", []string{"wasmtime serve: no wasmtime on the PATH (cargo install wasmtime-cli --version 48.0.8 --locked)"}
	}
	return append(list,
		contender{isWasmtime, "wasmtime serve -Scli: an instance a request", false, wasmtimeServe(wasmtime)},
		contender{"wasmtime tuned", "2 MiB of memory and the tables kept resident in its pool, reset by copying", true,
			wasmtimeServe(wasmtime, "-Opooling-allocator=y,pooling-memory-keep-resident=2097152,pooling-table-keep-resident=131072")},
		contender{"wasmtime reuse", "opt-in: an instance serves many requests, which gives isolation up", true,
			wasmtimeServe(wasmtime, "--max-instance-reuse-count", "1000000", "--idle-instance-timeout", "10s")},
	), wasmtime, nil
}

// launch starts a server at a free address and waits until it gives the job's response.
func launch(c contender, guest string, j job) (*process, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: c.command(guest, addr), base: "http://" + addr, done: make(chan struct{})}
	if err := children.start(p.cmd); err != nil {
		return nil, err
	}
	close(p.done) // its output is not read
	if err := awaitPort(addr, nil); err == nil {
		for range 100 {
			if err = j.check(p.base); err == nil {
				return p, nil
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	_ = p.stop()
	return nil, fmt.Errorf("%s does not serve %s: %v", strings.Join(p.cmd.Args, " "), filepath.Base(guest), err)
}
