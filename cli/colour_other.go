//go:build !windows

package cli

import "os"

// enableEscapes says whether f, a terminal, interprets escape sequences.
func enableEscapes(*os.File) bool { return true }
