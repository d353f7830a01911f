package cli

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/admin"
	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/workload"
)

// hostCommand is for agents of a cluster: it serves what they put to its admin endpoint.
func (p *process) hostCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "host", Short: "Serve the workloads that an agent puts to the admin endpoint", Args: cobra.NoArgs, Hidden: true,
		Long: `Serves workloads of which none is there at the start: PUT /workloads/NAMESPACE/NAME to the address of --admin, with a manifest as the body,
starts one or has it take the place of itself, DELETE stops it, and GET /workloads has the addresses. Each has addresses of its
own: those of --listen, whose ports have to be 0. Files that a manifest names are in DIR/NAMESPACE/NAME of --files.`,
		Example: "  vitrine host --admin unix:/run/vitrine/admin.sock --listen 10.0.0.5:0 --files /run/vitrine/files",
	}
	s := p.options(cmd, []option{listenOption, trustedProxiesOption, drainOption, adminOption, memoryBudgetOption}, outputOptions, []option{accessOption("false"), stateOption, plainHTTPOption, cacheOption})
	files := cmd.Flags().String("files", ".", "the folder with the files that manifests name, each workload's in NAMESPACE/NAME below it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch addr, from := s.text("admin", ""); {
		case addr == "":
			return &Problem{What: "nobody could put workloads there", Why: "there is no admin endpoint", Do: "give --admin unix:PATH", Code: ExitUsage}
		case !strings.HasPrefix(addr, "unix:"):
			return &Problem{What: "everybody on this machine could put workloads there, with any grants", Where: from, Why: "the admin endpoint is no unix socket", Do: "give --admin unix:PATH", Code: ExitUsage}
		}
		return p.hostWorkloads(cmd.Context(), s, *files)
	}
	return cmd
}

func (p *process) hostWorkloads(ctx context.Context, s *settings, files string) (err error) {
	drain, err := s.drain(&workload.Spec{}) // 0: of each workload, its longest deadline
	if err != nil {
		return err
	}
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	none := &workload.Spec{}
	session, err := p.openServing(ctx, s, none, p.everyKind(none), servingOptions{drain: drain, apart: true})
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return err
	}
	h := &hosting{p: p, s: s, serving: session, files: files, runs: map[workload.ID]*workload.Spec{}}
	session.operators.serve(ctx, session.session, func(c *admin.Config) {
		c.Put, c.Delete, c.Endpoints = h.put, h.delete, h.endpoints
	})
	session.stderr.release(session.announce(session.greeting()))
	return session.host.Run(ctx)
}

// hosting is what the command does with workloads.
type hosting struct {
	p *process
	s *settings
	*serving
	files string

	mu   sync.Mutex
	runs map[workload.ID]*workload.Spec // what was started last of each
}

// put starts a workload, or has it take the place of itself.
func (h *hosting) put(ctx context.Context, id workload.ID, document []byte, header http.Header) error {
	if err := h.bring(h.tel.JoinedBy(ctx, header), id, document); err != nil {
		var b strings.Builder
		explain(err).print(&b)
		text := strings.TrimSpace(b.String())
		h.log.Error("a workload is not what it should be: what ran of it goes on", "workload", string(id), "problem", text)
		return errors.New(text)
	}
	return nil
}

func (h *hosting) bring(ctx context.Context, id workload.ID, document []byte) error {
	format := h.p.specFormat(h.s)
	own := filepath.FromSlash(string(id))
	if !filepath.IsLocal(own) {
		return &Problem{What: "the name is none of a workload", Where: string(id), Do: "put it to /workloads/NAMESPACE/NAME", Code: ExitUsage}
	}
	if format.State == "" {
		format.State = app.StateFolder
	}
	format.State = filepath.Join(format.State, own) // so that no workload has the data of another one
	file := filepath.Join(h.files, own, "vitrine.json")
	w, err := format.Parse(file, document)
	if err != nil {
		return err
	}
	if w.ID() != id {
		return &Problem{What: "the workload has another name", Where: string(id), Why: "its document says " + string(w.ID()), Do: "put it there", Code: ExitUsage}
	}
	if len(w.Triggers) == 0 && len(w.Services) == 0 {
		return nothingToServe(w)
	}
	h.mu.Lock()
	old := h.runs[id]
	h.mu.Unlock()
	switch {
	case old == nil:
		_, err = h.host.Start(ctx, w)
	case len(old.Triggers) == 0: // what nothing reaches from outside has nobody who would notice
		if err = h.host.Stop(ctx, id); err == nil {
			_, err = h.host.Start(ctx, w)
		}
	default:
		_, err = h.host.Replace(ctx, w)
	}
	if err != nil {
		return startProblem(w, h.p.placed(file, err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs[id] = w
	return nil
}

// delete stops a workload.
func (h *hosting) delete(ctx context.Context, id workload.ID) error {
	h.mu.Lock()
	old := h.runs[id]
	delete(h.runs, id)
	h.mu.Unlock()
	if old == nil {
		return nil
	}
	if err := h.host.Stop(ctx, id); err != nil {
		h.log.Warn("not everything of a workload that was removed has ended as it should", "workload", string(id), "error", err)
	}
	return nil
}

// endpoints are the addresses of a workload.
func (h *hosting) endpoints(id workload.ID) (out []string) {
	for _, t := range h.triggers {
		if own, ok := t.(interface{ Endpoints(workload.ID) []string }); ok {
			out = append(out, own.Endpoints(id)...)
		}
	}
	return out
}
