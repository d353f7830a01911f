package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/net/http/httpguts"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/view"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Flags about the viewer.
var (
	viewDirOption = option{name: "view-dir", group: groupTelemetry, env: "VITRINE_VIEW_DIR", arg: "DIR",
		usage: "where the viewer keeps what it shows, 256 MiB and 24 hours at most (default: below the user's cache folder; \"off\": nowhere once it ends)", example: "--view-dir ./telemetry"}
	viewOptions = []option{
		{name: "view", group: groupTelemetry, env: "VITRINE_VIEW", arg: "[ADDR]", bare: "true",
			usage:   "show traces and logs in the browser, at HOST:PORT (default " + view.DefaultAddress + ", or any free port); beyond loopback the printed link with its token is needed",
			example: "--view, --view=127.0.0.1:8000"},
		viewDirOption,
	}
)

// viewer is the viewer of a session; nil: there is none.
type viewer struct {
	*view.Viewer
	unwatch  context.CancelFunc // nil: it shows no host
	watching sync.WaitGroup
}

// openViewer opens the viewer that --view asks for; nil if it does not.
func (p *process) openViewer(ctx context.Context, s *settings, w *workload.Spec) (*viewer, error) {
	address, from := s.text("view", "")
	switch address {
	case "", "false":
		return nil, nil
	case "true":
		address = ""
	}
	return p.startViewer(ctx, s, from, view.Config{Address: address, Title: string(w.ID()), Receive: true}, string(w.ID()))
}

// startViewer opens a viewer that keeps what it shows in a folder of that name, or without a name nowhere, unless --view-dir says
// otherwise.
func (p *process) startViewer(ctx context.Context, s *settings, from string, cfg view.Config, name string) (*viewer, error) {
	dir, dirFrom := s.text("view-dir", "")
	explicit := dir != ""
	switch {
	case dir == "off":
		dir = ""
	case !explicit && name != "":
		if base, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(base, "vitrine", "view", folderName(name))
		}
	}
	cfg.Dir, cfg.Version = dir, buildVersion()
	cfg.Logger = slog.New(slog.DiscardHandler)
	v, err := view.Open(ctx, cfg)
	if err != nil && !explicit && dir != "" { // another process has the folder, or it cannot be written
		cfg.Dir = ""
		v, err = view.Open(ctx, cfg)
	}
	switch {
	case errors.Is(err, view.ErrForward):
		_, where := s.text("forward", "")
		return nil, &Problem{What: "the viewer cannot send on what it receives", Where: where, Why: err.Error(), Do: "name another receiver of OTLP: --forward http://HOST:4318 or --forward grpc://HOST:4317", Code: ExitUsage}
	case errors.Is(err, view.ErrFolder) && !errors.Is(err, view.ErrInUse):
		return nil, &Problem{What: "the viewer cannot keep what it shows in " + cmp.Or(dir, "a temporary folder"), Where: dirFrom, Why: err.Error(), Do: "choose a folder that can be written, with --view-dir, or --view-dir off", Code: ExitUsage}
	case errors.Is(err, view.ErrInUse):
		return nil, &Problem{What: "the viewer cannot use the folder " + dir, Where: dirFrom, Why: view.ErrInUse.Error(), Do: "choose another with --view-dir, or --view-dir off", Code: ExitUsage}
	case err != nil:
		if problem := cannotListen(err, from); problem != nil {
			problem.What = "the viewer cannot start: it " + problem.What
			return nil, problem
		}
		return nil, &Problem{What: "the viewer cannot start", Where: from, Why: err.Error(), Do: "choose another address, HOST:PORT; port 0 is any free one", Code: ExitUsage}
	}
	return &viewer{Viewer: v}, nil
}

// folderName makes a name fit for a folder.
func folderName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
}

// consume adds the viewer to telemetry's consumers.
func (v *viewer) consume(ctx context.Context, cfg *telemetry.Config) error {
	if v == nil {
		return nil
	}
	c, err := v.Consumer(ctx)
	if err != nil {
		return err
	}
	if alone(cfg) {
		cfg.Sampler, cfg.ParentBased, cfg.MeasureSampled = v.Sampler(), true, !measured(cfg)
	}
	cfg.Consumers = append(cfg.Consumers, c)
	return nil
}

// alone says that nobody else wants the spans, and nobody has said which of them to record.
func alone(cfg *telemetry.Config) bool {
	for _, c := range cfg.Consumers {
		if c.Spans != nil || c.SpanClient != nil {
			return false
		}
	}
	return cfg.Providers == nil && cfg.TraceTree == nil && cfg.Getenv("OTEL_TRACES_SAMPLER") == ""
}

// measured says that somebody else wants metrics, which have to be exact.
func measured(cfg *telemetry.Config) bool {
	return slices.ContainsFunc(cfg.Consumers, func(c export.Consumer) bool { return c.Metrics != nil || c.MetricReader != nil })
}

// watch has the viewer show telemetry's losses.
func (v *viewer) watch(t *telemetry.Telemetry) {
	if v == nil {
		return
	}
	v.CountDropped(func() (out []view.Drop) {
		for _, d := range t.Dropped() {
			if d.Count > 0 {
				out = append(out, view.Drop(d))
			}
		}
		return out
	})
}

// greeting is the line that says where the viewer is.
func (v *viewer) greeting() string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("viewer on %s\n", text.Printable(v.URL))
}

func (v *viewer) close() error {
	if v == nil {
		return nil
	}
	if v.unwatch != nil {
		v.unwatch()
		v.watching.Wait()
	}
	return v.Close()
}

// parseHeaders reads NAME=VALUE,… with values encoded as in URLs (OTEL_EXPORTER_OTLP_HEADERS). Its errors do not say values.
func parseHeaders(s string) (map[string]string, error) {
	out := map[string]string{}
	for i, one := range strings.Split(s, ",") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		name, value, ok := strings.Cut(one, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("header %d: want NAME=VALUE, with special characters as in URLs", i+1)
		}
		out[name] = value
	}
	return out, nil
}

func (p *process) view() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "view [FILE…]",
		Short: "Show traces and logs in the browser: files, or what programs send by OTLP",
		Long: `Shows traces and logs in the browser. With files, OTLP JSON (one message, or one a line), it shows these. Without, it is
a receiver of OTLP for any program, at the addresses that OpenTelemetry's SDKs send to by default:
HTTP at ` + view.OTLPHTTP + ` (protobuf and JSON) and gRPC at ` + view.OTLPGRPC + `. The page's own address takes OTLP over HTTP, too.
With --forward it sends on what it receives, so that it can stand between programs and a collector.

The line on stderr, "viewer on URL", appears once it serves. SIGINT or SIGTERM ends it. vitrine up --view shows what
vitrine runs itself, and takes OTLP of other programs at the page's address.`,
		Example: "  vitrine view\n  vitrine view traces.json\n  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 node --require … server.js\n  vitrine view --forward grpc://collector:4317",
	}
	listen := option{name: "listen", env: "VITRINE_LISTEN", arg: "ADDR", usage: "where the page is, HOST:PORT (default " + view.DefaultAddress + "); beyond loopback the printed link with its token is needed", example: "--listen 127.0.0.1:8000"}
	http := option{name: "otlp-http", env: "VITRINE_OTLP_HTTP", arg: "ADDR", usage: "where to take OTLP over HTTP, a loopback address (default " + view.OTLPHTTP + "; \"off\": nowhere but at the page's address)", example: "--otlp-http 127.0.0.1:0"}
	onward := []option{
		{name: "forward", env: "VITRINE_FORWARD", arg: "URL", usage: "send on what is received, as it came, to another receiver of OTLP: http[s]://HOST:PORT (HTTP with protobuf) or grpc[s]://HOST:PORT; what it cannot take in time is dropped and counted", example: "--forward http://collector:4318"},
		{name: "forward-headers", env: "VITRINE_FORWARD_HEADERS", arg: "K=V,…", usage: "headers of what is sent on, as OTEL_EXPORTER_OTLP_HEADERS has them; rather by the variable, since other processes can read flags", example: "--forward-headers x-tenant=shop"},
	}
	grpc := option{name: "otlp-grpc", env: "VITRINE_OTLP_GRPC", arg: "ADDR", usage: "where to take OTLP over gRPC, a loopback address (default " + view.OTLPGRPC + "; \"off\": nowhere)", example: "--otlp-grpc off"}
	s := p.options(cmd, append([]option{listen, http, grpc, viewDirOption}, onward...))
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.serveView(cmd.Context(), s, args) }
	return cmd
}

// serveView serves files, or what comes by OTLP, until a signal.
func (p *process) serveView(ctx context.Context, s *settings, files []string) (err error) {
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	cfg := view.Config{Receive: len(files) == 0, Title: filepath.Base(append(files, "OTLP")[0])}
	var from string
	cfg.Address, from = s.text("listen", "")
	for name, to := range map[string]*string{"otlp-http": &cfg.OTLPHTTP, "otlp-grpc": &cfg.OTLPGRPC} {
		if *to, _ = s.text(name, map[string]string{"otlp-http": view.OTLPHTTP, "otlp-grpc": view.OTLPGRPC}[name]); *to == "off" {
			*to = ""
		}
	}
	cfg.Forward, _ = s.text("forward", "")
	headers, headersFrom := s.text("forward-headers", "")
	if cfg.ForwardHeaders, err = parseHeaders(headers); err != nil {
		return badValue(headersFrom, err)
	}
	name := "otlp"
	if len(files) > 0 { // they are there already
		name = ""
	}
	v, err := p.startViewer(ctx, s, from, cfg, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	for _, f := range files {
		if _, err := v.Import(f); err != nil {
			return &Problem{What: "cannot show " + f, Where: f, Why: err.Error(), Do: "give files with OTLP JSON: what an exporter or a collector writes to a file, or what /api/v1/traces/ID says", Code: ExitUsage}
		}
	}
	fmt.Fprint(p.stderr, v.greeting())
	<-ctx.Done()
	return nil
}
