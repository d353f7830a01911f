//go:build !windows

package cli

import "os"

// enableEscapes says whether f, a terminal, takes escape sequences now.
func enableEscapes(*os.File) bool { return true }
