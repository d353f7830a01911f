package main

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"strings"
)

//go:embed skips.txt
var listed string

// entry says of one test, or of all that a pattern names, when it may be skipped and why.
type entry struct {
	pkg, test, when, why string
}

// parse reads the list: package, test, condition and reason, with spaces between them.
func parse(text string) (list []*entry, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 {
			return nil, fmt.Errorf("skips.txt:%d: want a package, a test, a condition and a reason", n)
		}
		e := &entry{f[0], f[1], f[2], strings.Join(f[3:], " ")}
		if _, err := path.Match(e.test, ""); err != nil {
			return nil, fmt.Errorf("skips.txt:%d: %s: %w", n, e.test, err)
		}
		if e.when != "always" && e.when != "sometimes" && e.when != "with:race" && e.when != "with:emulator" && !strings.HasPrefix(e.when, "without:") {
			return nil, fmt.Errorf("skips.txt:%d: %s is no condition", n, e.when)
		}
		list = append(list, e)
	}
	return list, nil
}

func (e *entry) covers(pkg, test string) bool {
	ok, _ := path.Match(e.test, test)
	return ok && e.pkg == pkg
}

// environment describes where tests ran.
type environment struct {
	race     bool
	emulated bool // by go test -exec
	// lacks says whether a thing is missing; nil is the function missing.
	lacks func(thing string) bool
}

// applies says whether an entry's condition holds in the environment, and whether that is known.
func (e *entry) applies(h environment) (holds, known bool) {
	thing, without := strings.CutPrefix(e.when, "without:")
	switch {
	case without && h.lacks != nil:
		return h.lacks(thing), true
	case without:
		return missing(thing), true
	case e.when == "with:race":
		return h.race, true
	case e.when == "with:emulator":
		return h.emulated, true
	}
	return true, e.when == "always"
}

// missing says whether there is no ipv6, no root's rights, no path below the module's folder (with a slash in it) or no
// command of that name.
func missing(thing string) bool {
	var err error
	switch {
	case thing == "root":
		return os.Geteuid() != 0
	case thing == "ipv6":
		var l net.Listener
		if l, err = net.Listen("tcp6", "[::1]:0"); err == nil {
			l.Close()
		}
	case strings.Contains(thing, "/"):
		_, err = os.Stat(thing)
	default:
		_, err = exec.LookPath(thing)
	}
	return err != nil
}
