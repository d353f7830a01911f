package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/admin"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// adminOptions are about what operators ask of a server.
var (
	adminOption = option{name: "admin", group: groupListening, env: "VITRINE_ADMIN", arg: "ADDR",
		usage:   "where to serve /livez, /readyz, /workloads, /metrics, /log-level, /detail and /debug/pprof/, an address as of --listen (default: nowhere)",
		example: "--admin 9000"}
	drainDelayOption = option{name: "drain-delay", group: groupListening, env: "VITRINE_DRAIN_DELAY", arg: "DURATION",
		usage:   "how long requests are still taken after the first signal, with /readyz false, before --drain begins (default 0s)",
		example: "--drain-delay 5s"}
)

// adminServer is the endpoint for operators. A nil *adminServer serves nothing.
type adminServer struct {
	listener net.Listener
	draining atomic.Bool
	ended    chan error
	stop     context.CancelFunc
}

// listenAdmin listens where --admin says; nil: nowhere.
func listenAdmin(s *settings) (*adminServer, error) {
	addr, from := s.text("admin", "")
	if addr == "" {
		return nil, nil
	}
	if strings.Contains(addr, "://") && !strings.HasPrefix(addr, "http://") {
		return nil, badValue(from, fmt.Errorf("%q: want an address of http: HOST:PORT, PORT or unix:PATH", addr))
	}
	l, err := http.Listen(addr)
	if err != nil {
		if problem := cannotListen(err, "--admin"); problem != nil {
			return nil, problem
		}
		return nil, fmt.Errorf("admin: listen on %s: %w", addr, err)
	}
	return &adminServer{listener: l, ended: make(chan error, 1)}, nil
}

// serve begins to answer. more sets what the command has of its own; nil: nothing.
func (a *adminServer) serve(ctx context.Context, s *session, more func(*admin.Config)) {
	if a == nil {
		return
	}
	tcp, isTCP := a.listener.Addr().(*net.TCPAddr)
	config := admin.Config{
		Loopback:  isTCP && tcp.IP.IsLoopback(),
		Workloads: s.host.Workloads,
		NotReady: func() []string {
			if a.draining.Load() {
				return []string{"the process has been told to end"}
			}
			return nil
		},
		Memory:    budgetOf(s.engine),
		Metrics:   s.metrics,
		Level:     s.level.Level,
		SetLevel:  s.setLevel,
		Details:   s.details,
		SetDetail: s.setDetail,
	}
	if more != nil {
		more(&config)
	}
	h := admin.Handler(config)
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		err := admin.Serve(ctx, a.listener, h, s.log)
		if err != nil {
			s.log.Error("the admin endpoint has ended", "error", err)
		}
		a.ended <- err
	}()
	if isTCP && !tcp.IP.IsLoopback() {
		s.log.Warn("the admin endpoint can be reached from other machines: it shows stacks and names, and changes the log's level for whoever asks", "address", tcp.String())
	}
}

// line is what `up` says of it.
func (a *adminServer) line() string {
	if a == nil {
		return ""
	}
	url := "http://"
	if a.listener.Addr().Network() == "unix" {
		url = "unix:"
	}
	return "admin on " + text.Printable(url+a.listener.Addr().String()) + "\n"
}

// drain has /readyz say that no more traffic is wanted.
func (a *adminServer) drain() {
	if a != nil {
		a.draining.Store(true)
	}
}

// close ends it.
func (a *adminServer) close() {
	switch {
	case a == nil:
	case a.stop == nil:
		_ = a.listener.Close()
	default:
		a.stop()
		<-a.ended
	}
}

// details are the levels of detail of the components that run.
func (s *session) details() (out []admin.Detail) {
	for _, d := range s.tel.Details() {
		out = append(out, admin.Detail{Workload: d.Workload, Component: d.Component, Level: d.Detail.String()})
	}
	return out
}

// setDetail changes them.
func (s *session) setDetail(id workload.ID, component, level string) int {
	d, _ := telemetry.ParseDetail(level, 0) // 0 for default, as for every other word
	n := s.tel.SetDetail(id, component, d)
	s.log.Info("the detail of traces has been changed", "level", level, "workload", string(id), "component", component, "components", n)
	return n
}

// setLevel changes the least severity that the console shows.
func (s *session) setLevel(l slog.Level) {
	s.level.Set(l)
	if s.console != nil {
		s.console.SetMin(severity(l))
	}
	s.log.Info("the log's level has been changed", "level", l.String())
}
