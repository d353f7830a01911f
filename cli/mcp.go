package cli

import (
	"context"
	"errors"
	"io"
	"net/url"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cli/internal/viewmcp"
)

func (p *process) mcp() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Answer an agent's questions about what a running viewer has",
		Long: `Serves the Model Context Protocol on standard input and output, for programs that start it as one of their servers. Its tools
read what a running viewer (vitrine up --view, vitrine view) has, by the viewer's HTTP API: list_traces, get_trace, list_logs,
trace_logs, metrics, components, errors. None changes anything. It ends with its input.`,
		Example: `  vitrine mcp
  {"mcpServers": {"vitrine": {"command": "vitrine", "args": ["mcp"]}}}`,
		Args: cobra.NoArgs,
	}
	s := p.options(cmd, []option{viewerOption})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		ask := func(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
			return s.ask(ctx, path, query)
		}
		err := viewmcp.New(buildVersion(), ask).Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(p.stdin), Writer: nopCloser{p.stdout}})
		if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			return &Problem{What: "the conversation has failed", Why: err.Error(), Do: "have a client of the Model Context Protocol start this command", Code: ExitFailed}
		}
		return nil
	}
	return cmd
}

// nopCloser is a writer that stays open.
type nopCloser struct{ io.Writer }

// Close does nothing.
func (nopCloser) Close() error { return nil }
