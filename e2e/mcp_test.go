package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestMCP: a client of the Model Context Protocol asks `vitrine mcp` about what `vitrine up --view` has served.
func TestMCP(t *testing.T) {
	s := up(t, nil, "--view=127.0.0.1:0", "--view-dir", "off", filepath.Join(testref.GuestDir(), "prebuilt", "shop-composed.component.wasm"))
	s.waitForConsole("viewer on http://")
	_, rest, _ := strings.Cut(s.stderr(), "viewer on ")
	viewer, _, _ := strings.Cut(rest, "\n")
	for n := range 6 {
		path := fmt.Sprintf("/total?items=%d", n+1)
		if n == 5 {
			path = "/total?items=13" // the third component traps
		}
		if _, _, err := s.get(path, ""); err != nil {
			t.Fatal(err)
		}
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: exec.Command(binary, "mcp", "--viewer", viewer)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	c := mcpClient{t, session}

	tools, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
		if tool.Annotations == nil || !tool.Annotations.ReadOnlyHint || tool.Description == "" {
			t.Errorf("%s is not said to read only, or says nothing of itself", tool.Name)
		}
	}
	if got, want := strings.Join(names, " "), "components errors get_trace list_logs list_traces metrics trace_logs"; got != want {
		t.Errorf("the tools are %s, want %s", got, want)
	}

	var failed struct {
		Count int `json:"traces_with_failures"`
		Kinds []struct {
			Service, Name string
			Traces        int
			Example       struct {
				Trace string `json:"trace_id"`
				Code  int
			}
		}
		Lines []struct{ Level, Text, Trace string }
	}
	c.until("errors", map[string]any{"since": "1h"}, &failed, func() bool { return failed.Count == 1 && len(failed.Lines) > 0 })
	if k := failed.Kinds; len(k) != 1 || k[0].Traces != 1 || k[0].Example.Code != 500 {
		t.Fatalf("what failed is %+v", failed)
	}
	id := failed.Kinds[0].Example.Trace

	var list struct {
		Traces []struct {
			Trace string `json:"trace_id"`
		}
		Matched int
	}
	c.until("list_traces", map[string]any{"query": "status:ok code:200", "limit": 2}, &list, func() bool { return list.Matched == 5 })
	if len(list.Traces) != 2 {
		t.Errorf("%d traces, want 2", len(list.Traces))
	}
	var trace struct {
		Spans []struct {
			Depth      int
			Name       string
			Failed     string
			Attributes map[string]string
		}
		Omitted int `json:"omitted_spans"`
	}
	c.call("get_trace", map[string]any{"trace_id": id}, &trace)
	all := len(trace.Spans)
	if all < 4 || trace.Omitted != 0 || trace.Spans[0].Depth != 0 || trace.Spans[0].Failed == "" || trace.Spans[0].Attributes["http.response.status_code"] != "500" {
		t.Errorf("the trace is %+v", trace)
	}
	trace.Spans = nil
	c.call("get_trace", map[string]any{"trace_id": id, "max_spans": 2, "brief": true}, &trace)
	if len(trace.Spans) != 2 || trace.Omitted != all-2 || trace.Spans[0].Attributes != nil {
		t.Errorf("two spans of it are %+v", trace)
	}
	var logs struct{ Lines []struct{ Text string } }
	c.call("trace_logs", map[string]any{"trace_id": id}, &logs)
	if len(logs.Lines) == 0 {
		t.Error("the trap has no line")
	}
	c.call("list_logs", map[string]any{"query": "level:error"}, &logs)
	if len(logs.Lines) == 0 {
		t.Error("there are no lines of errors")
	}

	for _, bad := range []struct {
		tool string
		args map[string]any
		want string
	}{
		{"list_traces", map[string]any{"query": "servce:x"}, "did you mean service:"},
		{"get_trace", map[string]any{"trace_id": "../status"}, "want 32 hexadecimal digits"},
		{"get_trace", map[string]any{"trace_id": strings.Repeat("f", 32)}, "there is no trace"},
		{"errors", map[string]any{"since": "long"}, "no duration"},
		{"list_logs", map[string]any{"limit": "many"}, "limit"},
	} {
		if got, failed := c.ask(bad.tool, bad.args); !failed || !strings.Contains(got, bad.want) {
			t.Errorf("%s %v says %s", bad.tool, bad.args, got)
		}
	}
}

type mcpClient struct {
	t       *testing.T
	session *mcp.ClientSession
}

// ask calls a tool. failed says that it answers with an error.
func (c mcpClient) ask(tool string, args map[string]any) (answer string, failed bool) {
	c.t.Helper()
	r, err := c.session.CallTool(context.WithoutCancel(c.t.Context()), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return err.Error(), true
	}
	for _, part := range r.Content {
		if x, ok := part.(*mcp.TextContent); ok {
			answer += x.Text
		}
	}
	return answer, r.IsError
}

func (c mcpClient) call(tool string, args map[string]any, out any) {
	c.t.Helper()
	answer, failed := c.ask(tool, args)
	if failed {
		c.t.Fatalf("%s: %s", tool, answer)
	}
	if err := json.Unmarshal([]byte(answer), out); err != nil {
		c.t.Fatalf("%s: %v in %s", tool, err, answer)
	}
}

// until calls a tool until its answer is what it will be: telemetry reaches the viewer a moment after the requests.
func (c mcpClient) until(tool string, args map[string]any, out any, done func() bool) {
	c.t.Helper()
	for !done() {
		if c.t.Context().Err() != nil {
			c.t.Fatal("the test is over")
		}
		c.call(tool, args, out)
	}
}
