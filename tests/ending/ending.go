// Package ending terminates processes gracefully, for tests and examples: by SIGTERM, and by Ctrl-Break on Windows.
package ending
