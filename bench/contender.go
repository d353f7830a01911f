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
	wasi   string // the version of WASI of the guests that it is measured on, 0.2 or 0.3; all if empty
	// command starts the server of a component at an address.
	command func(guest, addr string) *exec.Cmd
}

// Names for aims and ratios.
const (
	isPlain     = "net/http"
	isFresh     = "vitrine"
	isTelemetry = "vitrine telemetry"
	isDropped   = "vitrine, guests' dropped"
	isSnapshot  = "vitrine snapshot"
	isReuse     = "vitrine reuse"
	isWasmtime  = "wasmtime"
	isWasmReuse = "wasmtime reuse"
)

// measures says whether a server is measured on a guest.
func (c contender) measures(guest string) bool {
	if c.name == isDropped && guest != spansGuest {
		return false
	}
	return c.wasi == "" || (c.wasi == "0.3") == isAsync(guest)
}

// vitrineUp is vitrine with its own compile cache; guests' output goes to /dev/null, as for every contender.
func vitrineUp(binary, cache string, env []string, flags ...string) func(guest, addr string) *exec.Cmd {
	return func(guest, addr string) *exec.Cmd {
		cmd := exec.Command(binary, append(append([]string{"up", "--listen", addr, "--cache-dir", cache}, flags...), guest)...)
		cmd.Env = append(withoutOTel(os.Environ()), env...)
		return cmd
	}
}

// spansGuest makes spans of its own through wasi:otel.
const spansGuest = "otel-example-rust"

// droppedUp is vitrineUp for a component whose own telemetry the host drops, which a manifest says.
func droppedUp(binary, cache string, env []string) func(guest, addr string) *exec.Cmd {
	return func(guest, addr string) *exec.Cmd {
		file := cache + "-dropped.yaml"
		text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: dropped}
spec:
  components:
    - {name: guest, source: {file: %q}, telemetry: {guest: off}}
  triggers:
    - http: {path: /, component: guest}
`, guest)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			file = guest + ": " + err.Error() // starting it fails, and says so
		}
		return vitrineUp(binary, cache, env)(file, addr)
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
		args := []string{"serve", "-Scli", "-Ccache=y", "--addr", addr}
		if isAsync(filepath.Base(guest)) {
			args = append(args, "-Sp3", "-Wcomponent-model-async")
		}
		return exec.Command(binary, append(append(args, flags...), guest)...)
	}
}

// contenders are the servers of a comparison; missing lists those that are not installed.
func contenders(vitrine, cache, otlp string) (list []contender, wasmtime string, missing []string) {
	otel := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + otlp, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	list = []contender{
		{name: isFresh, about: "as it is without settings: a fresh instance for each request of a 0.2 guest, reused ones for a 0.3 guest; telemetry off", command: vitrineUp(vitrine, cache, nil)},
		{name: isTelemetry, about: "the same with traces, metrics and logs to a collector", command: vitrineUp(vitrine, cache, otel)},
		{name: isDropped, about: "with telemetry, of which the host drops what the component records itself", command: droppedUp(vitrine, cache, otel)},
		{name: "vitrine detail all", about: "the same with --detail all", command: vitrineUp(vitrine, cache, otel, "--detail", "all")},
		{name: isSnapshot, about: "--isolation snapshot, telemetry off", wasi: "0.2", command: vitrineUp(vitrine, cache, nil, "--isolation", "snapshot")},
		{name: isReuse, about: "--isolation reuse --max-uses 1000000, telemetry off", command: vitrineUp(vitrine, cache, nil, "--isolation", "reuse", "--max-uses", "1000000")},
	}
	wasmtime, err := exec.LookPath("wasmtime")
	if err != nil {
		return list, "", []string{"wasmtime serve: no wasmtime on the PATH (cargo install wasmtime-cli --version 48.0.8 --locked)"}
	}
	return append(list,
		contender{name: isWasmtime, about: "wasmtime serve -Scli: an instance a request of a 0.2 guest, its own reuse of a 0.3 guest", command: wasmtimeServe(wasmtime)},
		contender{name: "wasmtime tuned", about: "2 MiB of memory and the tables kept resident in its pool, reset by copying", middle: true,
			command: wasmtimeServe(wasmtime, "-Opooling-allocator=y,pooling-memory-keep-resident=2097152,pooling-table-keep-resident=131072")},
		contender{name: isWasmReuse, about: "opt-in: an instance serves 1000000 requests, which gives the isolation of 0.2 guests up",
			command: wasmtimeServe(wasmtime, "--max-instance-reuse-count", "1000000", "--idle-instance-timeout", "10s")},
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
