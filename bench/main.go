package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// run has the common flags of the measurements.
type run struct {
	flags  *flag.FlagSet
	binary string
	json   bool
	save   string
}

func main() { os.Exit(bench()) }

func bench() int {
	commands := map[string]func(*run, []string) (any, error){
		"compare": compare, "density": density, "first": first, "mixed": mixed, "noisy": noisy, "resets": resets, "soak": soak, "viewer": viewer,
		"plain": plain, "sink": sink, "density-worker": densityWorker, // started by the others
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench compare|density|first|mixed|noisy|resets|soak|viewer [flags]")
		return 2
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		children.kill()
		os.Exit(130)
	}()
	defer children.kill()
	name := os.Args[1]
	r := &run{flags: flag.NewFlagSet(name, flag.ExitOnError)}
	r.flags.StringVar(&r.binary, "vitrine", "", "the binary to measure; built from this checkout when empty")
	r.flags.BoolVar(&r.json, "json", false, "print JSON")
	r.flags.StringVar(&r.save, "save", "", "write the JSON to this file, too")
	result, err := commands[name](r, os.Args[2:])
	if result != nil {
		if err := r.report(result); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 1
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

// report prints the result and saves it.
func (r *run) report(result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	if r.save != "" {
		if err := os.WriteFile(r.save, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if !r.json {
		text = []byte(fmt.Sprint(result))
	}
	_, err = fmt.Println(strings.TrimSpace(string(text)))
	return err
}

// parse reads the flags and finds or builds the binary, in dir.
func (r *run) parse(args []string, dir string) error {
	if err := r.flags.Parse(args); err != nil {
		return err
	}
	if r.binary != "" {
		return nil
	}
	r.binary = filepath.Join(dir, "vitrine")
	return build(r.binary, "./cmd/vitrine")
}

// build builds a command of this checkout.
func build(out, pkg string) error { return buildWith(false, out, pkg) }

// buildWith builds one with the race detector, or without.
func buildWith(race bool, out, pkg string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-race="+strconv.FormatBool(race), "-o", out, pkg)
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if race {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// progress prints the progress of a measurement on stderr.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
