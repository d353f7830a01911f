package cli

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// keys returns the keys that are pressed on the terminal of standard input, and what gives the terminal back; no keys come where
// it is none, or one in whose background the process runs.
func (p *process) keys() (keys <-chan byte, restore func()) {
	pressed := make(chan byte)
	in, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return pressed, func() {}
	}
	restore, ok = singleKeys(int(in.Fd()))
	if !ok {
		return pressed, func() {}
	}
	go func() { // it ends with the process: a read of a terminal cannot be ended
		b := make([]byte, 1)
		for {
			if n, err := in.Read(b); n == 0 || err != nil {
				return
			}
			if strings.IndexByte("roq", b[0]) >= 0 {
				pressed <- b[0]
			}
		}
	}()
	return pressed, restore
}
