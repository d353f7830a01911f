package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/internal/errno"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Exit statuses. `run` returns the guest's own besides.
const (
	ExitOK       = 0
	ExitFailed   = 1
	ExitUsage    = 2
	ExitDeadline = 124
	ExitTrap     = 134
)

// Problem is an error as it is printed: what, where, why and what to do. Each text is one line, made printable when it is
// printed; Whys are further lines of why. Code is the exit status.
type Problem struct {
	What, Where, Why, Do string
	Whys                 []string
	Code                 int
}

// Error is what, where and why on one line.
func (p *Problem) Error() string {
	s := p.What
	if p.Where != "" {
		s += " (" + p.Where + ")"
	}
	if why := p.why(); len(why) > 0 {
		s += ": " + strings.Join(why, "; ")
	}
	return s
}

// why returns Why and Whys as one list.
func (p *Problem) why() []string {
	if p.Why == "" {
		return p.Whys
	}
	return append([]string{p.Why}, p.Whys...)
}

// Bounds of a problem's text.
const (
	maxLine  = 4 << 10 // bytes of a line
	maxLines = 250     // lines of why
)

func (p *Problem) print(w io.Writer) {
	var b strings.Builder
	shown := func(s string) string { return text.Printable(text.Cut(strings.TrimRight(s, "\n"), maxLine)) }
	fmt.Fprintf(&b, "vitrine: %s\n", shown(p.What))
	part := func(label string, lines ...string) {
		for i, line := range lines {
			switch {
			case i == maxLines:
				fmt.Fprintf(&b, "%9s … and %d more lines\n", "", len(lines)-i)
			case i > maxLines:
			case i > 0:
				fmt.Fprintf(&b, "%9s%s\n", "", shown(line))
			case line != "":
				fmt.Fprintf(&b, "  %-6s %s\n", label+":", shown(line))
			}
		}
	}
	part("where", p.Where)
	part("why", p.why()...)
	part("do", p.Do)
	_, _ = io.WriteString(w, b.String())
}

// printJSON writes the problem as a line of the console's JSON: message, where, why (a text or a list of them), do, and the
// exit status.
func (p *Problem) printJSON(w io.Writer) {
	cut := func(s string) string { return text.Cut(strings.TrimRight(s, "\n"), maxLine) }
	attrs := []any{}
	part := func(key string, value any, there bool) {
		if there {
			attrs = append(attrs, key, value)
		}
	}
	var why []string
	for i, line := range p.why() {
		if i == maxLines {
			why = append(why, fmt.Sprintf("… and %d more lines", len(p.why())-i))
			break
		}
		why = append(why, cut(line))
	}
	part("where", cut(p.Where), p.Where != "")
	if len(why) == 1 {
		part("why", why[0], true)
	} else {
		part("why", why, len(why) > 0)
	}
	part("do", cut(p.Do), p.Do != "")
	part("status", p.Code, true)
	slog.New(consoleHandler(w, "json", slog.LevelError)).Error(cut(p.What), attrs...)
}

// lines returns one line for each error that is joined in err.
func lines(err error) []string {
	var parts []error
	switch joined := err.(type) {
	case app.Errors:
		for _, e := range joined {
			parts = append(parts, e)
		}
	case interface{ Unwrap() []error }:
		parts = joined.Unwrap()
	}
	texts := make([]string, len(parts))
	for i, e := range parts {
		texts[i] = e.Error()
	}
	if len(parts) == 0 || err.Error() != strings.Join(texts, "\n") { // the latter has a text of its own
		return []string{err.Error()}
	}
	var out []string
	for _, e := range parts {
		out = append(out, lines(e)...)
	}
	return out
}

// usage reports wrong usage of a command.
func usage(cmd *cobra.Command, err error) error {
	do := cmp.Or(suggestFlag(cmd, err), "see "+cmd.CommandPath()+" --help")
	return &Problem{What: usageText(err), Where: cmd.CommandPath(), Do: do, Code: ExitUsage}
}

// usageText is the message of a flag error without the flag's value, which may be a secret.
func usageText(err error) string {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return "unknown flag: -" + unknown.GetSpecifiedName()
	case errors.As(err, &unknown):
		return "unknown flag: --" + unknown.GetSpecifiedName()
	case errors.As(err, &invalid):
		return fmt.Sprintf("bad value of --%s: %v", invalid.GetFlag().Name, invalid.Unwrap())
	case errors.As(err, &syntax):
		return "a flag without a name"
	}
	return err.Error()
}

// explain makes a Problem of any error. An error of no known type counts as a failure while running.
func explain(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	for _, known := range []func(error) *Problem{explainSetting, explainManifest, explainArtifact, explainBytes, explainLink, explainListen, explainReady, explainTrap, explainFile} {
		if p := known(err); p != nil {
			return p
		}
	}
	if strings.HasPrefix(err.Error(), "unknown command ") {
		return &Problem{What: err.Error(), Do: "see vitrine --help", Code: ExitUsage}
	}
	return &Problem{What: "it failed", Whys: lines(err), Code: ExitFailed}
}

// explainSetting is for a telemetry variable with a bad value.
func explainSetting(err error) *Problem {
	var setting *autoconf.SettingError
	if !errors.As(err, &setting) {
		return nil
	}
	return &Problem{What: "bad value of " + setting.Variable, Why: setting.Why, Do: setting.Do, Code: ExitUsage}
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
	return &Problem{What: what, Where: es[0].File, Whys: lines(es), Do: "correct them; vitrine check reports what is left", Code: ExitUsage}
}

func explainBytes(err error) *Problem {
	var malformed *binary.Error
	if errors.As(err, &malformed) {
		p := &Problem{What: "this is no component", Why: malformed.Error(), Code: ExitUsage}
		switch malformed.Kind {
		case binary.KindText:
			p.Do = "give the compiled component; WebAssembly text becomes one with wasm-tools parse"
		case binary.KindCoreModule:
			p.Do = "make a component of it: vitrine component new MODULE -o FILE"
		case binary.KindLimit:
			p.What, p.Do = "the component is too large for vitrine", "make it of fewer or smaller parts; the bound is vitrine's own and protects it from hostile files"
		case binary.KindEmpty, binary.KindTruncated:
			p.Do = "build or copy the file again"
		}
		return p
	}
	var large *host.TooLargeError
	if errors.As(err, &large) {
		return &Problem{What: "the file is too large for a component", Where: large.File, Why: large.Error(),
			Do: "give another file, or make the component of smaller parts", Code: ExitUsage}
	}
	var invalid *validate.Error
	if errors.As(err, &invalid) && invalid.Limit {
		return &Problem{What: "the component is too large for vitrine", Why: err.Error(),
			Do: "make it of fewer instances and smaller types; the bound is vitrine's own and protects it from hostile files", Code: ExitUsage}
	}
	if errors.As(err, &invalid) {
		return &Problem{What: "the component is not valid", Why: err.Error(), Do: "build it again with current tools", Code: ExitUsage}
	}
	return nil
}

func explainLink(err error) *Problem {
	var none *host.NoExportError
	if errors.As(err, &none) {
		var wanted []string
		for _, x := range none.Wanted {
			wanted = append(wanted, x.Unversioned().String())
		}
		p := &Problem{What: fmt.Sprintf("component %s does not export %s", none.Component, strings.Join(slices.Compact(wanted), " or ")), Why: err.Error(), Code: ExitUsage}
		switch other := exportsOf(none.Exports); {
		case other.http:
			p.Do = "serve it with vitrine up"
		case other.run:
			p.Do = "run it with vitrine run"
		}
		return p
	}
	var link *component.LinkError
	if !errors.As(err, &link) {
		return nil
	}
	p := &Problem{What: "component " + link.Component + " cannot be linked", Code: ExitUsage,
		Do: "serve an import by another component with links: in " + app.FileName + ", or leave it out of the component"}
	var features []string
	for _, l := range link.Problems {
		if l.Unsupported != "" {
			features = append(features, l.Unsupported)
			continue
		}
		p.Whys = append(p.Whys, l.String())
		if id, err := wit.ParseID(l.Import); err == nil && exportsOf([]wit.InterfaceID{id}).http {
			p.Do = "it passes requests on: name it in the chain of an http trigger in " + app.FileName + ", in front of the component that answers"
		} else if err == nil && id.Namespace == "wasi" && strings.HasPrefix(id.Version, "0.3.0-") && id.Version != wasi.ReleaseCandidate3 {
			p.Do = "of WASI 0.3 this version runs 0.3.0 and later ones, and " + wasi.ReleaseCandidate3 + ": build the component for one of them"
		}
	}
	if len(features) > 0 {
		p.Whys = append(p.Whys, "this version does not run what it needs: "+strings.Join(features, ", "))
	}
	return p
}

// kinds says, from a component's exports, how it can be started.
type kinds struct{ http, run bool }

func exportsOf(ids []wit.InterfaceID) (k kinds) {
	for _, id := range ids {
		switch id.Unversioned().String() {
		case "wasi:http/incoming-handler", "wasi:http/handler":
			k.http = true
		case "wasi:cli/run":
			k.run = true
		}
	}
	return k
}

func explainListen(err error) *Problem { return cannotListen(err, "--listen") }

// cannotListen says why an address that a flag gave cannot be listened on; nil for another error.
func cannotListen(err error, flag string) *Problem {
	var bad *http.AddressError
	if errors.As(err, &bad) {
		return &Problem{What: "cannot listen", Where: flag, Why: bad.Error(), Do: "see vitrine up --help for an example", Code: ExitUsage}
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" {
		return nil
	}
	p := &Problem{What: "cannot listen", Where: flag, Why: op.Err.Error(), Do: "choose another address with " + flag + "; port 0 is any free one", Code: ExitUsage}
	if op.Addr != nil {
		p.What = "cannot listen on " + op.Addr.String()
	}
	switch unix := op.Net == "unix"; {
	case errno.Is(err, syscall.EADDRINUSE) && unix:
		p.Why = "another process listens there already"
		p.Do = "stop what listens there, or choose another path with " + flag
	case errno.Is(err, syscall.EADDRINUSE):
		p.Why = "the port is in use"
		p.Do = "stop what listens there, or choose another port with " + flag + "; port 0 is any free one"
	case unix:
		p.Do = "choose another path with " + flag + ": short, in a writable folder, and not of an existing file"
	case errno.Is(err, syscall.EACCES):
		p.Do = "choose a port from 1024 on with " + flag + ", or allow the process to open this one"
	case errno.Is(err, syscall.EADDRNOTAVAIL):
		p.Do = "give an address that this machine has with " + flag + "; :PORT is every one"
	}
	return p
}

// explainReady is for a guest that fails before its first request.
func explainReady(err error) *Problem {
	var ready *host.ReadyError
	if !errors.As(err, &ready) {
		return nil
	}
	p := explainTrap(ready.Err)
	if p == nil {
		p = &Problem{What: ready.Err.Error(), Code: ExitFailed}
	}
	if p.Code == ExitFailed {
		p.Code = ExitUsage
	}
	p.What = "component " + ready.Component + " fails while it is initialised: " + p.What
	if p.Do == "" {
		p.Do = "correct what it does before its first request"
	}
	p.Do += "; with --ready 0 the workload starts nevertheless, and each request fails"
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
		p.Whys = trap.Stack[:min(len(trap.Stack), 20)]
	}
	p.Do = host.Cure(err)
	switch trap.Code {
	case cm.TrapDeadline:
		p.Code = ExitDeadline
	case cm.TrapCancel:
		p.Code = ExitFailed
	}
	return p
}

func explainFile(err error) *Problem {
	var path *fs.PathError
	var none *host.NoFileError
	var several *app.SeveralError
	switch {
	case errors.As(err, &several):
		return &Problem{What: filepath.Join(several.Folder, app.FileName) + " does not exist", Why: several.Error() + ", so that it is not clear which is meant:", Whys: several.Files,
			Do: "give one of them, or write a manifest: vitrine up --write FILE > " + app.FileName, Code: ExitUsage}
	case errors.As(err, &none):
		return &Problem{What: "cannot read " + none.File, Why: none.Error(), Code: ExitUsage}
	case !errors.As(err, &path):
		return nil
	case path.Op == "write" && path.Path == os.Stdout.Name():
		return &Problem{What: "cannot write to standard output", Why: path.Err.Error(), Code: ExitFailed}
	case path.Op == "write":
		return &Problem{What: "cannot write " + path.Path, Why: path.Err.Error(), Code: ExitFailed}
	}
	p := &Problem{What: "cannot read " + path.Path, Why: path.Err.Error(), Code: ExitUsage}
	if errors.Is(err, fs.ErrNotExist) {
		p.What, p.Why = path.Path+" does not exist", ""
		p.Do = "give a .wasm file, a folder with a " + app.FileName + ", or a manifest"
	}
	return p
}
