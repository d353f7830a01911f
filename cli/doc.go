// Package cli is the command line, as a part that programs are made of: [Main] runs it with what a program ships. Vitrine itself is
//
//	func main() { os.Exit(cli.Main(os.Args[1:], cli.Standard())) }
//
// and a program that serves one more interface adds its plugin to what Standard gives (examples/embed/product does).
//
// There is one file a command, the flags that they share (flags.go), what ships (ships.go), and how errors are told to people
// (problem.go).
//
// It has telemetry go where the environment says (telemetry/autoconf), and it ends no process: [Main] returns the exit
// status.
package cli
