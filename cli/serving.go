package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

// serving is the session of a command that serves workloads, with what listens.
type serving struct {
	*session
	triggers  []host.Trigger
	operators *adminServer // nil: none
	viewer    *viewer      // nil: none
	types     []Trigger    // of the program
}

// servingOptions are what servers differ in.
type servingOptions struct {
	drain time.Duration // how long running invocations may go on; 0: of each workload, its longest deadline
	apart bool          // each workload has an address of its own
}

// openServing makes a session with the triggers of the types that kinds has, and opens the addresses of those that w has, of the viewer and of
// the admin endpoint. One that is not nil must be closed, also where there is an error.
func (p *process) openServing(ctx context.Context, s *settings, w, kinds *workload.Spec, o servingOptions) (_ *serving, err error) {
	listen, _ := s.values("listen")
	cert, certFrom := s.text("tls-cert", "")
	key, keyFrom := s.text("tls-key", "")
	if (cert == "") != (key == "") {
		return nil, &Problem{What: "a certificate and its key belong together", Where: map[bool]string{true: keyFrom, false: certFrom}[cert == ""],
			Why: "only one of the two is given", Do: "give both --tls-cert and --tls-key", Code: ExitUsage}
	}
	trusted, _ := s.values("trusted-proxies")
	out := &serving{types: p.ships.Triggers}
	if out.operators, err = listenAdmin(s); err != nil {
		return out, err
	}
	if out.viewer, err = p.openViewer(ctx, s, w); err != nil {
		return out, err
	}
	out.session, err = p.open(ctx, s, sessionOptions{workload: w, drain: o.drain, viewer: out.viewer, metrics: out.operators != nil, triggers: func(log *slog.Logger, rejected rejectedFunc) (_ []host.Trigger, err error) {
		if out.triggers, err = p.ships.triggers(TriggerConfig{Workload: kinds, Listen: listen, TLSCert: cert, TLSKey: key, Proxies: trusted, Drain: o.drain, Logger: log, Rejected: rejected, Apart: o.apart}); err != nil {
			return nil, err
		}
		for _, t := range out.triggers {
			named := slices.ContainsFunc(w.Triggers, func(spec workload.TriggerSpec) bool { return spec.Type == t.Type() })
			if l, ok := t.(Listener); ok && named && err == nil {
				err = l.Listen()
			}
		}
		return out.triggers, err
	}})
	if err == nil {
		out.viewer.show(ctx, out.host, out.types)
	}
	return out, err
}

// close ends the session, and then what shows it.
func (v *serving) close(ctx context.Context) (err error) {
	if v.session != nil {
		err = v.session.close(ctx)
	}
	err = errors.Join(err, v.viewer.close())
	v.operators.close()
	return err
}

// greeting has a line for each address at which a workload is served, for the folder that holds its data, and for what shows it.
func (v *serving) greeting(all ...*workload.Spec) string {
	var b strings.Builder
	for _, w := range all {
		b.WriteString(v.servingLines(w))
	}
	return b.String() + v.operators.line() + v.viewer.greeting()
}

func (v *serving) servingLines(w *workload.Spec) string {
	id := text.Printable(string(w.ID()))
	var b strings.Builder
	var urls []string
	for _, t := range v.triggers {
		named := slices.ContainsFunc(w.Triggers, func(spec workload.TriggerSpec) bool { return spec.Type == t.Type() })
		if l, ok := t.(Listener); ok && named {
			urls = append(urls, l.Endpoints()...)
		}
	}
	if len(urls) == 0 {
		fmt.Fprintf(&b, "serving %s\n", id)
	}
	for _, url := range urls {
		fmt.Fprintf(&b, "serving %s on %s\n", id, text.Printable(url))
	}
	b.WriteString(v.routes(w))
	if dir := stateFolder(w); dir != "" {
		fmt.Fprintf(&b, "data of %s is in %s\n", id, text.Printable(dir))
	}
	return b.String()
}

// routes has a line for each trigger: what reaches which components. A lone trigger that gets everything has none.
func (v *serving) routes(w *workload.Spec) string {
	var b strings.Builder
	for _, t := range w.Triggers {
		summary := summaryOf(v.types, t)
		if summary == "" || len(w.Triggers) == 1 && v.isDefault(t) {
			continue
		}
		to := append(slices.Clone(t.Chain), t.Component)
		line := fmt.Sprintf("  %-9s %s", t.Type, summary)
		if t.Component != "" {
			line += " → " + strings.Join(to, " → ")
		}
		b.WriteString(text.Printable(line) + "\n")
	}
	return b.String()
}

// isDefault says whether a trigger is what one without settings is.
func (v *serving) isDefault(t workload.TriggerSpec) bool {
	return slices.ContainsFunc(v.types, func(known Trigger) bool {
		return known.Type.Name == t.Type && reflect.DeepEqual(t.Config, known.Type.Default)
	})
}

// summaryOf is a trigger's config in a few words; "" where its type has none.
func summaryOf(types []Trigger, t workload.TriggerSpec) string {
	for _, known := range types {
		if known.Type.Name == t.Type && known.Type.Summary != nil {
			return known.Type.Summary(t.Config)
		}
	}
	return ""
}

func nothingToServe(w *workload.Spec) error {
	return &Problem{What: "there is nothing to serve", Where: string(w.ID()), Why: "the workload has no trigger and no service",
		Do: "write one below spec.triggers, such as http: {path: /, component: " + w.Components[0].Name + "}, or below spec.services", Code: ExitUsage}
}
