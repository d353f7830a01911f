package build

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// endTime is how long a command may take to end, with the processes that it has started, once it was told to.
const endTime = 3 * time.Second

// self is what commands call this program by.
const self = "vitrine"

// execute runs one command. The status is -1 where there is none.
func (j *job) execute(ctx context.Context, command []string, c *Config) (status int, err error) {
	failure := func(e Error) error {
		e.Name, e.Command, e.Folder = j.name, command, j.build.Folder
		return &e
	}
	environ := j.environ(c.Environ)
	program, found := find(command[0], j.build.Folder, environ)
	if command[0] == self {
		// This program, whatever PATH has: a manifest's vitrine component new is what runs it.
		if file, err := os.Executable(); err == nil {
			program, found = file, true
		}
	}
	if !found {
		return -1, failure(Error{Missing: missing(command[0])})
	}
	out := &lineWriter{line: func(s string) { c.Line(j.name, s) }}
	cmd := exec.CommandContext(ctx, program, command[1:]...)
	cmd.Args[0] = command[0]
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = j.build.Folder, environ, out, out
	group(cmd)
	cmd.Cancel = func() error { return tell(cmd) }
	cmd.WaitDelay = endTime
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		kill(cmd) // what the command has started and what did not end with it
	}
	out.flush()
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // what goes on in the background has the output
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitCode(), failure(Error{Status: exit.ExitCode(), Missing: lacking(command)})
	}
	return -1, failure(Error{Err: err})
}

// lacking is the first thing, but for its program, that a command that has failed needs and that is missing; nil: none is known.
func lacking(command []string) *Missing {
	for _, need := range Needs(command)[1:] {
		if m := Lacks(need); m != nil {
			return m
		}
	}
	return nil
}

// environ is the environment of the commands: of variables that it has twice, the last one counts.
func (j *job) environ(base []string) []string {
	all := slices.Clone(base)
	for name, value := range j.build.Environment {
		all = append(all, name+"="+value)
	}
	if dir, err := filepath.Abs(j.build.Folder); err == nil {
		all = append(all, "PWD="+dir)
	}
	return all
}

// find is the file of a program: in the folders of PATH, or where its name has a slash from the working folder.
func find(name, dir string, environ []string) (file string, found bool) {
	if strings.ContainsRune(filepath.ToSlash(name), '/') {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return "", false
		}
		file, err := exec.LookPath(abs)
		return file, err == nil
	}
	for _, folder := range filepath.SplitList(variable(environ, "PATH")) {
		if folder == "" || !filepath.IsAbs(folder) {
			continue // the working folder is no place for programs
		}
		if file, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return file, true
		}
	}
	return "", false
}

// variable is the last value of a variable.
func variable(environ []string, name string) string {
	for i := len(environ) - 1; i >= 0; i-- {
		key, value, _ := strings.Cut(environ[i], "=")
		if key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// maxLine bounds a line in bytes.
const maxLine = 16 << 10

// lineWriter cuts what a command prints into lines. A carriage return ends a line, too, as in displays of progress.
type lineWriter struct {
	line    func(string)
	pending []byte
}

// Write is io.Writer's. It never fails.
func (w *lineWriter) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\n' || c == '\r':
			w.flush()
		case len(w.pending) < maxLine:
			w.pending = append(w.pending, c)
		}
	}
	return len(b), nil
}

// flush ends the line, unless it is empty.
func (w *lineWriter) flush() {
	if len(w.pending) > 0 {
		w.line(string(w.pending))
		w.pending = w.pending[:0]
	}
}
