package cli

import (
	"io"
	"os"

	wasicli "github.com/vitrine-wasm/vitrine/wasi/cli"
)

// takesEscapes says whether w is a terminal that interprets escape sequences, and switches that on where a system needs it.
func takesEscapes(w io.Writer, getenv func(string) string) bool {
	f, ok := w.(*os.File)
	return ok && wasicli.IsTerminal(f) && getenv("TERM") != "dumb" && enableEscapes(f)
}

// colours says whether output to w is coloured: not with NO_COLOR (no-color.org), in any case with FORCE_COLOR or CLICOLOR_FORCE, else on a
// terminal, unless CLICOLOR is 0 (bixense.com/clicolors).
func (p *process) colours(w io.Writer) bool {
	terminal := takesEscapes(w, p.getenv)
	switch force := p.getenv("FORCE_COLOR"); {
	case p.getenv("NO_COLOR") != "":
		return false
	case force != "":
		return force != "0" && force != "false"
	case p.getenv("CLICOLOR_FORCE") != "" && p.getenv("CLICOLOR_FORCE") != "0":
		return true
	}
	return terminal && p.getenv("CLICOLOR") != "0"
}
