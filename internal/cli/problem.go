package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/trigger/command"
)

// Exit statuses. A guest's own stand beside them.
const (
	ExitOK       = 0
	ExitFailed   = 1
	ExitUsage    = 2
	ExitDeadline = 124
	ExitTrap     = 134
)

// Problem is an error as a person is told it: one block of what, where, why and what to do.
type Problem struct {
	What, Where, Why, Do string
	Code                 int
}

// Error is the block on one line.
func (p *Problem) Error() string {
	s := p.What
	if p.Where != "" {
		s += " (" + p.Where + ")"
	}
	if p.Why != "" {
		s += ": " + p.Why
	}
	return s
}

func (p *Problem) print(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "vitrine: %s\n", p.What)
	for _, part := range []struct{ label, text string }{{"where", p.Where}, {"why", p.Why}, {"do", p.Do}} {
		if part.text == "" {
			continue
		}
		text := strings.ReplaceAll(strings.TrimRight(part.text, "\n"), "\n", "\n         ")
		fmt.Fprintf(&b, "  %-6s %s\n", part.label+":", text)
	}
	_, _ = io.WriteString(w, b.String())
}

// usage is wrong usage of a command.
func usage(cmd *cobra.Command, err error) error {
	return &Problem{What: err.Error(), Where: cmd.CommandPath(), Do: "see " + cmd.CommandPath() + " --help", Code: ExitUsage}
}

// explain makes a Problem of any error. Errors that it does not know failed while running.
func explain(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	for _, known := range []func(error) *Problem{explainManifest, explainBytes, explainLink, explainListen, explainTrap, explainFile} {
		if p := known(err); p != nil {
			return p
		}
	}
	if strings.HasPrefix(err.Error(), "unknown command ") {
		return &Problem{What: err.Error(), Do: "see vitrine --help", Code: ExitUsage}
	}
	return &Problem{What: "it failed", Why: err.Error(), Code: ExitFailed}
}

func explainManifest(err error) *Problem {
	var es app.Errors
	if !errors.As(err, &es) {
		return nil
	}
	what := "the manifest has a mistake"
	if len(es) > 1 {
		what = fmt.Sprintf("the manifest has %d mistakes", len(es))
	}
	return &Problem{What: what, Where: es[0].File, Why: es.Error(), Do: "correct them; vitrine check reports what is left", Code: ExitUsage}
}

func explainBytes(err error) *Problem {
	var malformed *binary.Error
	if errors.As(err, &malformed) {
		p := &Problem{What: "this is no component", Why: malformed.Error(), Code: ExitUsage}
		switch malformed.Kind {
		case binary.KindText:
			p.Do = "give the compiled component; WebAssembly text becomes one with wasm-tools parse"
		case binary.KindCoreModule:
			p.Do = "make a component of it: build for wasm32-wasip2, or use wasm-tools component new"
		case binary.KindEmpty, binary.KindTruncated:
			p.Do = "build or copy the file again"
		}
		return p
	}
	var invalid *validate.Error
	if errors.As(err, &invalid) {
		return &Problem{What: "the component is not valid", Why: err.Error(), Do: "build it again with current tools; vitrine inspect shows what it is", Code: ExitUsage}
	}
	return nil
}

func explainLink(err error) *Problem {
	var link *component.LinkError
	if errors.As(err, &link) {
		lines := make([]string, len(link.Problems))
		for i, l := range link.Problems {
			lines[i] = l.String()
		}
		return &Problem{What: "component " + link.Component + " cannot be linked", Why: strings.Join(lines, "\n"),
			Do: "see vitrine inspect for what it imports; serve an import by another component with links: in vitrine.yaml", Code: ExitUsage}
	}
	var none *command.NoCommandError
	if errors.As(err, &none) {
		return &Problem{What: "component " + none.Component + " is no command", Why: err.Error(), Do: "serve it with vitrine up", Code: ExitUsage}
	}
	return nil
}

func explainListen(err error) *Problem {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" {
		return nil
	}
	p := &Problem{What: "cannot listen", Where: "--listen", Why: op.Err.Error(), Do: "choose another address with --listen; port 0 is any free one", Code: ExitUsage}
	if op.Addr != nil {
		p.What = "cannot listen on " + op.Addr.String()
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		p.Why = "the port is in use"
		p.Do = "stop what listens there, or choose another port with --listen; port 0 is any free one"
	}
	return p
}

func explainTrap(err error) *Problem {
	var trap *cm.Trap
	if !errors.As(err, &trap) {
		return nil
	}
	p := &Problem{What: trap.Error(), Code: ExitTrap}
	if trap.Boundary != nil {
		p.Where = fmt.Sprintf("%s, in %s", trap.Boundary.Callee, trap.Boundary.Name())
		if trap.Boundary.Kind == cm.GuestToHost {
			p.Where = fmt.Sprintf("%s, calling %s", trap.Boundary.Caller, trap.Boundary.Name())
		}
	}
	if len(trap.Stack) > 0 {
		p.Why = strings.Join(trap.Stack[:min(len(trap.Stack), 20)], "\n")
	}
	switch trap.Code {
	case cm.TrapDeadline:
		p.Code, p.Do = ExitDeadline, "give it more time with --deadline"
	case cm.TrapCancel:
		p.Code = ExitFailed
	case cm.TrapMemory:
		p.Do = "give it more memory with --memory"
	case cm.TrapBug:
		p.Do = "please report this: it is a fault of vitrine"
	}
	return p
}

func explainFile(err error) *Problem {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return nil
	}
	p := &Problem{What: "cannot read " + path.Path, Why: path.Err.Error(), Code: ExitUsage}
	if errors.Is(err, fs.ErrNotExist) {
		p.What, p.Why = path.Path+" does not exist", ""
		p.Do = "give a .wasm file, a folder with a " + app.FileName + ", or a manifest"
	}
	return p
}
