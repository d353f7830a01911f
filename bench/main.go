package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// run is what the measurements share.
type run struct {
	flags  *flag.FlagSet
	binary string
	json   bool
}

func main() {
	commands := map[string]func(*run, []string) (any, error){"noisy": noisy, "soak": soak, "compare": compare, "plain": plain}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench compare|noisy|soak|plain [flags]")
		os.Exit(2)
	}
	name := os.Args[1]
	r := &run{flags: flag.NewFlagSet(name, flag.ExitOnError)}
	r.flags.StringVar(&r.binary, "vitrine", "", "the binary to measure; built from ./cmd/vitrine when empty")
	r.flags.BoolVar(&r.json, "json", false, "print JSON")
	result, err := commands[name](r, os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if r.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(result); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	fmt.Println(result)
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
	cmd := exec.Command("go", "build", "-o", r.binary, "./cmd/vitrine")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
