// Package hostwasi is the plugin that serves WASI to components, as far as their grants allow: arguments, environment,
// standard streams, clocks, randomness, granted folders and sockets, and HTTP requests to granted destinations.
package hostwasi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/errno"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wasi/otel/otlp"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config sets where the standard streams of guests go, besides the host's lines.
type Config struct {
	// Stdin, Stdout and Stderr are the process's own streams, for a command: bytes pass through as they are, besides
	// being framed to lines. Nil: guests have lines only.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Plugin serves WASI 0.2 and 0.3.
type Plugin struct {
	cfg Config

	mu        sync.Mutex
	loopbacks map[*workload.Spec]*loopback // of workloads that are bound and have services
}

var _ host.Plugin = (*Plugin)(nil)

// New makes the plugin.
func New(c Config) *Plugin { return &Plugin{cfg: c, loopbacks: map[*workload.Spec]*loopback{}} }

// Name implements host.Plugin.
func (p *Plugin) Name() string { return "wasi" }

// The versions of WASI that are served. Compatible ones are, too.
const (
	version2 = "0.2.12"
	version3 = "0.3.0"
)

// served are the interfaces, by version and package.
var served = []struct {
	version, pkg string
	interfaces   []string
}{
	{version2, "cli", []string{"environment", "exit", "stdin", "stdout", "stderr", "terminal-input", "terminal-output", "terminal-stdin", "terminal-stdout", "terminal-stderr"}},
	{version2, "clocks", []string{"monotonic-clock", "wall-clock", "timezone"}},
	{version2, "filesystem", []string{"types", "preopens"}},
	{version2, "http", []string{"types", "outgoing-handler"}},
	{version2, "io", []string{"error", "poll", "streams"}},
	{version2, "random", []string{"random", "insecure", "insecure-seed"}},
	{version2, "sockets", []string{"network", "instance-network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"}},
	{version3, "cli", []string{"types", "environment", "exit", "stdin", "stdout", "stderr", "terminal-input", "terminal-output", "terminal-stdin", "terminal-stdout", "terminal-stderr"}},
	{version3, "clocks", []string{"types", "monotonic-clock", "system-clock", "timezone"}},
	{version3, "filesystem", []string{"types", "preopens"}},
	{version3, "http", []string{"types", "client"}},
	{version3, "random", []string{"random", "insecure", "insecure-seed"}},
	{version3, "sockets", []string{"types", "ip-name-lookup"}},
}

// Serves implements host.Plugin.
func (p *Plugin) Serves() []wit.InterfaceID {
	var out []wit.InterfaceID
	for _, s := range served {
		for _, i := range s.interfaces {
			id := wit.InterfaceID{Namespace: "wasi", Package: s.pkg, Interface: i, Version: s.version}
			out = append(out, id)
			if s.version == version3 {
				id.Version = wasi.ReleaseCandidate3
				out = append(out, id)
			}
		}
	}
	return out
}

// Bind implements host.Plugin. The release closes the connections that requests of the component have left open.
func (p *Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	c := b.Component
	var patterns []workload.HTTPPattern
	for _, g := range c.Grants.HTTP {
		pattern, err := workload.ParseHTTP(g)
		if err != nil {
			return nil, fmt.Errorf("grant http: %w", err)
		}
		patterns = append(patterns, pattern)
	}
	member, leave := p.join(b)
	defer func() {
		if err != nil {
			leave()
		}
	}()
	limits := c.Limits.Filled()
	cfg := wasi.Config{
		Args:           c.Args,
		Stdin:          p.cfg.Stdin,
		Stdout:         p.stream(b, "stdout", p.cfg.Stdout),
		Stderr:         p.stream(b, "stderr", p.cfg.Stderr),
		StdinTerminal:  cli.IsTerminal(p.cfg.Stdin),
		StdoutTerminal: cli.IsTerminal(p.cfg.Stdout),
		StderrTerminal: cli.IsTerminal(p.cfg.Stderr),
		Sockets:        sockets.Grants{Connect: c.Grants.Sockets.Connect, Listen: c.Grants.Sockets.Listen, Sockets: limits.Sockets, Member: member, Denied: deniedAddress(b)},
		Files:          limits.Files,
	}
	if len(cfg.Args) == 0 {
		cfg.Args = []string{strings.ToValidUTF8(c.Name, "\uFFFD")} // a file's name, where nobody has given one
	}
	given := telemetryEnvironment(b)
	maps.Copy(given, c.Environment)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		cfg.Env = append(cfg.Env, wasi.KV{Name: name, Value: given[name]})
	}
	cfg.EnvOf = commandContext(b.Telemetry)
	for _, f := range c.Grants.Files {
		cfg.Preopens = append(cfg.Preopens, filesystem.Preopen{Host: f.Host, Guest: f.Guest, ReadOnly: f.ReadOnly})
	}
	if err := wasi.Add(l, cfg); err != nil {
		return nil, err
	}
	collector := otlp.New(b.Telemetry)
	allow := func(scheme, host, port string) bool {
		return slices.ContainsFunc(patterns, func(g workload.HTTPPattern) bool { return g.Allows(scheme, host, port) })
	}
	client := wasihttp.NewClient(wasihttp.ClientConfig{
		Allow: allow,
		PriorKnowledge: func(host, port string) bool {
			return slices.ContainsFunc(patterns, func(g workload.HTTPPattern) bool { return g.PriorKnowledge(host, port) })
		},
		Local: func(scheme, host, port string) wasihttp.LocalServer {
			if host == otel.CollectorHost {
				return collector.Server
			}
			if _, ok := workload.InternalComponent(scheme, host, port); ok && b.Internal != nil && allow(scheme, host, port) {
				return func(context.Context) http.Handler { return b.Internal }
			}
			return nil
		},
		Denied: func(ctx context.Context, scheme, host, port string) {
			b.Lines.Log(ctx, denied(c.Name, scheme, host, port))
		},
		Limits: wasihttp.Limits{Fields: int(limits.Headers), Body: limits.Body, Requests: limits.Requests},
	})
	httpp2.Add(l, client)
	httpp3.Add(l, client)
	return func() {
		_ = client.Close() // it never fails
		leave()
	}, nil
}

// maxHostName is how long the name of a host can be (RFC 1035 §2.3.4), in bytes.
const maxHostName = 253

// denied is the line about a request that no grant of a component allows. The name is the guest's: it may have any length, and any bytes.
func denied(component, scheme, name, port string) host.LogLine {
	name = text.Printable(text.Cut(strings.ToLower(name), maxHostName))
	to := workload.HTTPPattern{Scheme: scheme, Host: name, Port: port}
	return host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: fmt.Sprintf(
		"%s is not granted; to allow it, add %q to grants.http of component %s, or give --allow-http", to, to.String(), component)}
}

// deniedAddress logs an address that no grant of a component allows. Of which call it was is not known.
func deniedAddress(b *host.Binding) func(use, address string) {
	return func(use, address string) {
		if port, ok := strings.CutSuffix(address, ":0"); ok { // any free one
			address = port + ":*"
		}
		line := fmt.Sprintf("%s to %s is not granted; to allow it, add %q to grants.sockets.connect of component %s, or give --allow-connect", use, address, address, b.Component.Name)
		if use == "listen" {
			line = fmt.Sprintf("%s on %s is not granted; to allow it, add %q to grants.sockets.listen of component %s, or give --allow-listen", use, address, address, b.Component.Name)
		}
		b.Lines.Log(context.Background(), host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: line})
	}
}

// noted has what is written explain traps, too.
func noted(write func(context.Context, []byte) error) func(context.Context, []byte) error {
	return func(ctx context.Context, p []byte) error {
		component.NoteStderr(ctx, p)
		return write(ctx, p)
	}
}

// stream is the destination of one of a component's streams: the process's own stream first, so that the output that people see does not
// depend on anything else.
func (p *Plugin) stream(b *host.Binding, name string, raw io.Writer) func(context.Context, []byte) error {
	lines := b.Lines.Stream(name)
	if name == "stderr" {
		lines = noted(lines)
	}
	if raw == nil {
		return lines
	}
	write := cli.Interruptible(raw) // a write to a pipe without a reader must not outlive the guest's deadline
	return func(ctx context.Context, b []byte) error {
		if len(b) == 0 {
			return lines(ctx, b)
		}
		switch err := write(ctx, b); {
		case errno.Is(err, syscall.EPIPE):
			return wasiio.ErrReaderGone
		case err != nil:
			return err
		}
		return lines(ctx, b)
	}
}
