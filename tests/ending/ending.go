// Package ending asks processes to end as an operator does, for tests and demonstrations: by SIGTERM, and by Ctrl-Break where
// there are no signals.
package ending
