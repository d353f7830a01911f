package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableEscapes has f, a terminal, interpret escape sequences, and says whether it does. Consoles before Windows 10 cannot.
func enableEscapes(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
