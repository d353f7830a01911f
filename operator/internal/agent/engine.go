package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// engine is `vitrine host`, as a child of this process, which starts again when it ends, and what is asked of it by its admin endpoint.
type engine struct {
	binary string
	args   []string
	env    []string
	socket string
	log    *slog.Logger
	client *http.Client

	// start counts the starts: what an earlier one served, the present one does not.
	start atomic.Int64
	up    atomic.Bool
}

func newEngine(binary, dir, listen string, more, env []string, log *slog.Logger) *engine {
	socket := filepath.Join(dir, "admin.sock")
	e := &engine{binary: binary, socket: socket, env: env, log: log}
	e.args = append([]string{"host", "--admin=unix:" + socket + "?mode=0600", "--listen=" + net.JoinHostPort(listen, "0"), "--files=" + filepath.Join(dir, "files")}, more...)
	e.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	return e
}

// endTime is how long the engine may take to end what runs once it is told to.
const endTime = 30 * time.Second

// run has the engine run until ctx ends. changed is told of each start.
func (e *engine) run(ctx context.Context, changed func()) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 10*time.Second) {
		began := time.Now()
		err := e.once(ctx, changed)
		e.up.Store(false)
		if ctx.Err() != nil {
			return
		}
		changed()
		e.log.Error("vitrine host has ended, and is started again", "error", err)
		if time.Since(began) > time.Minute {
			wait = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (e *engine) once(ctx context.Context, changed func()) error {
	cmd := exec.CommandContext(ctx, e.binary, e.args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	cmd.Env, cmd.Stdout, cmd.Stderr = e.env, os.Stdout, os.Stderr
	cmd.SysProcAttr = endWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	answers, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for answers.Err() == nil {
			if _, err := e.ask(answers, http.MethodGet, "/livez", nil, ""); err == nil {
				e.start.Add(1)
				e.up.Store(true)
				changed()
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return cmd.Wait()
}

// refusedError is that the engine has refused something, in its own words.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// ask asks the admin endpoint.
func (e *engine) ask(ctx context.Context, method, path string, body []byte, traceparent string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if traceparent != "" {
		req.Header.Set("traceparent", traceparent)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = refusedError(strings.TrimSpace(string(text)))
	}
	return text, err
}

func place(namespace, name string) string {
	return "/workloads/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
}

// state is what the engine says of all workloads.
type state struct {
	Workloads []struct {
		ID, State  string
		Endpoints  []string
		Components []struct {
			Invocations struct{ Running int32 }
		}
	}
	Memory struct{ Limit, Used int64 }
}

func (e *engine) state(ctx context.Context) (*state, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	text, err := e.ask(ctx, http.MethodGet, "/workloads", nil, "")
	if err != nil {
		return nil, err
	}
	var s state
	return &s, json.Unmarshal(text, &s)
}

// port is where a workload answers; 0: nowhere. runs is false for one that does not run.
func (s *state) port(namespace, name string) (port int32, runs bool) {
	for _, w := range s.Workloads {
		if w.ID != namespace+"/"+name {
			continue
		}
		for _, at := range w.Endpoints {
			if u, err := url.Parse(at); err == nil {
				var n int32
				if _, err := fmt.Sscan(u.Port(), &n); err == nil {
					port = n
				}
			}
		}
		return port, w.State == "running"
	}
	return 0, false
}

// capabilities asks the binary for its version and for what it serves: kinds of grants and types of triggers, as its schema has them.
func capabilities(ctx context.Context, binary string) (version string, plugins []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil {
		return "", nil, fmt.Errorf("%s version: %w", binary, err)
	}
	version, _, _ = strings.Cut(string(said), "\n")
	version = strings.TrimPrefix(version, "vitrine ")
	text, err := exec.CommandContext(ctx, binary, "schema").Output()
	if err != nil {
		return "", nil, fmt.Errorf("%s schema: %w", binary, err)
	}
	type part struct {
		Properties map[string]*json.RawMessage
		Items      json.RawMessage
	}
	at := func(text json.RawMessage, path ...string) (map[string]*json.RawMessage, error) {
		for _, name := range path {
			var p part
			if err := json.Unmarshal(text, &p); err != nil {
				return nil, err
			}
			switch below := p.Properties[name]; {
			case name == "[]":
				text = p.Items
			case below != nil:
				text = *below
			default:
				return nil, errors.New("the schema has no " + name)
			}
		}
		var p part
		err := json.Unmarshal(text, &p)
		return p.Properties, err
	}
	grants, err := at(text, "spec", "components", "[]", "grants")
	if err != nil {
		return "", nil, err
	}
	triggers, err := at(text, "spec", "triggers", "[]")
	if err != nil {
		return "", nil, err
	}
	for name := range grants {
		plugins = append(plugins, name)
	}
	for name := range triggers {
		plugins = append(plugins, "trigger/"+name)
	}
	slices.Sort(plugins)
	return version, plugins, nil
}
