package collector

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// viewer is a running vitrine view.
type viewer struct {
	url string
	end func()
}

var viewing = regexp.MustCompile(`viewer on (http://\S+?)/\s`)

func view(t *testing.T, binary string, env []string, args ...string) *viewer {
	t.Helper()
	var out output
	cmd := exec.Command(binary, append([]string{"view", "--listen", "127.0.0.1:0", "--otlp-http", "off", "--otlp-grpc", "off", "--view-dir", "off"}, args...)...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OTEL_") && !strings.HasPrefix(e, "VITRINE_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	v := &viewer{end: func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(startTime):
			_ = cmd.Process.Kill()
			t.Error("vitrine view does not end")
		}
	}}
	t.Cleanup(v.end)
	if !wait(t, "vitrine view", done, func() bool {
		m := viewing.FindStringSubmatch(out.String())
		if m != nil {
			v.url = m[1]
		}
		return m != nil
	}) {
		t.Fatalf("vitrine view has ended: %s", out.String())
	}
	return v
}

// sent is what the viewer says of what it sends on.
func (v *viewer) sent(t *testing.T) (n int64, text string) {
	t.Helper()
	r, err := http.Get(v.url + "/api/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var status struct {
		Forward struct {
			To      string
			Sent    int64 `json:",string"`
			Problem string
		}
		Dropped []struct{ Signal, Reason, Count string }
	}
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil {
		t.Fatal(err)
	}
	if len(status.Dropped) > 0 || status.Forward.Problem != "" {
		t.Errorf("%+v", status)
	}
	b, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	return status.Forward.Sent, string(b)
}

// TestForward: what a program sends to a viewer goes on, by HTTP to a second viewer and from there by gRPC to the Collector: the same spans,
// records and metrics, and one viewer more beside them, in the program itself, has them, too.
func TestForward(t *testing.T) {
	c := Start(t)
	binary := Vitrine(t)
	last := view(t, binary, []string{"VITRINE_FORWARD_HEADERS=x-key=planted"}, "--forward", strings.Replace(c.GRPC, "http://", "grpc://", 1))
	first := view(t, binary, []string{"VITRINE_FORWARD=" + last.url})
	up := Serve(t, binary, first.url, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "VITRINE_VIEW=127.0.0.1:0", "VITRINE_VIEW_DIR=off"}, guest(t, "otel-example-rust"))
	const trace = "0af7651916cd43dd8448eb211c80319c"
	if status, body := ask(t, up.URL+"/order?item=apple&n=2", trace); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	own := viewing.FindStringSubmatch(up.Output())
	if own == nil {
		t.Fatal("vitrine up has no viewer")
	}
	// Each viewer has the trace.
	for _, url := range []string{own[1], first.url, last.url} {
		wait(t, "the trace in the viewer at "+url, nil, func() bool {
			r, err := http.Get(url + "/api/v1/traces/" + trace)
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			return r.StatusCode == http.StatusOK
		})
	}
	up.Stop()
	first.end()
	n, said := last.sent(t)
	if n == 0 || strings.Contains(said, "planted") {
		t.Errorf("the last viewer says %s", said)
	}
	last.end()
	c.Stop(t)
	spans := c.Spans(t, trace)
	names := map[string]bool{}
	for _, s := range spans {
		names[s.Name] = true
	}
	if len(spans) < 3 || !names["POST /order"] && !names["GET /order"] && !names["GET /"] {
		t.Errorf("the Collector has %d spans: %v", len(spans), names)
	}
	for _, signal := range []string{"traces", "metrics", "logs"} {
		if len(c.lines(t, signal)) == 0 {
			t.Errorf("the Collector has no %s", signal)
		}
	}
}
