// Package cli is the command line as a library: [Main] runs it with a program's own plugins and triggers. Vitrine itself is
//
//	func main() { os.Exit(cli.Main(os.Args[1:], cli.Standard())) }
//
// and a program that serves one more interface adds its plugin to those of Standard (as examples/embed/product does).
//
// Each command has a file; flags.go has the flags that they share, ships.go plugins and triggers, problem.go the messages of errors.
//
// The package sends telemetry where the environment says (telemetry/autoconf). [Main] returns the exit status; only a second
// signal ends the process directly.
package cli
