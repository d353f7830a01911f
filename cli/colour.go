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

// colours says whether output to w is coloured (no-color.org).
func (p *process) colours(w io.Writer) bool {
	return p.getenv("NO_COLOR") == "" && takesEscapes(w, p.getenv)
}
