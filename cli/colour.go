package cli

import (
	"io"
	"os"

	wasicli "github.com/vitrine-wasm/vitrine/wasi/cli"
)

// takesEscapes says whether w is a terminal that does what escape sequences say, and makes it one where that has to be asked
// for.
func takesEscapes(w io.Writer, getenv func(string) string) bool {
	f, ok := w.(*os.File)
	return ok && wasicli.IsTerminal(f) && getenv("TERM") != "dumb" && enableEscapes(f)
}

// colours says whether w is to be written to in colours (no-color.org).
func (p *process) colours(w io.Writer) bool {
	return p.getenv("NO_COLOR") == "" && takesEscapes(w, p.getenv)
}
