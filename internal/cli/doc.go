// Package cli is the command line: one file a command, the flags that they share (flags.go), the one list of what ships
// (ships.go), and how errors are told to people (problem.go).
//
// It has telemetry go where the environment says (telemetry/autoconf), and it ends no process: [Main] returns the exit
// status.
package cli
