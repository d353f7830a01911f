package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

func (c *terminal) resize(columns int) {
	c.t.Helper()
	if err := unix.IoctlSetWinsize(int(c.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(columns)}); err != nil {
		c.t.Fatal(err)
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// widest is how wide the widest line is of those that have a bar, without escapes; 0: there are none.
func widest(text string) (n int) {
	for line := range strings.Lines(escapes.ReplaceAllString(text, "")) {
		if strings.Contains(line, "▕") {
			n = max(n, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
		}
	}
	return n
}

// TestTerminals: colours are for terminals that take them, and for nobody who does not want them; bars are as wide as the terminal, and for no file.
func TestTerminals(t *testing.T) {
	for name, c := range map[string]struct {
		columns   int // 0: it is a pipe
		env       []string
		colour    bool
		bars, max int
	}{
		"a terminal":       {80, nil, true, 80, 80},
		"a wide one":       {160, nil, true, 160, 160},
		"a narrow one":     {50, nil, true, 0, 0},
		"without colours":  {100, []string{"NO_COLOR=1"}, false, 100, 100},
		"a dumb one":       {100, []string{"TERM=dumb"}, false, 100, 100},
		"at least 60":      {60, nil, true, 60, 60},
		"told its width":   {80, []string{"COLUMNS=120"}, true, 120, 120},
		"CLICOLOR=0":       {80, []string{"CLICOLOR=0"}, false, 80, 80},
		"FORCE_COLOR=0":    {80, []string{"FORCE_COLOR=0", "CLICOLOR_FORCE=1"}, false, 80, 80},
		"neither":          {80, []string{"NO_COLOR=1", "FORCE_COLOR=1"}, false, 80, 80},
		"a forced dumb":    {80, []string{"TERM=dumb", "FORCE_COLOR=1"}, true, 80, 80},
		"a forced pipe":    {0, []string{"FORCE_COLOR=1"}, true, 0, 0},
		"another one":      {0, []string{"CLICOLOR_FORCE=1"}, true, 0, 0},
		"not forced":       {0, []string{"CLICOLOR_FORCE=0"}, false, 0, 0},
		"a pipe":           {0, nil, false, 0, 0},
		"a pipe, TERM set": {0, []string{"TERM=xterm-256color"}, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"run", "--trace", testref.File(t, "rust-traps-p2"), "panic"}
			env := append([]string{"COLUMNS=", "NO_COLOR=", "FORCE_COLOR=", "CLICOLOR=", "CLICOLOR_FORCE=", "TERM=xterm"}, c.env...)
			var got string
			var code int
			if c.columns == 0 {
				code, _, got = runEnv(t, env, "", args...)
			} else {
				p := onTerminalOf(t, c.columns, "", env, args...)
				code, _ = p.exit()
				p.see("\n         _start", 1) // what it has written may come after its end
				got = p.text()
			}
			if code != 134 {
				t.Errorf("exit status %d", code)
			}
			if colour := strings.Contains(got, "\x1b[31m"); colour != c.colour || !c.colour && strings.Contains(got, "\x1b") {
				t.Errorf("coloured: %v\n%q", colour, got)
			}
			if n := widest(got); n < c.bars-1 || n > c.max {
				t.Errorf("lines with bars are %d columns wide, wanted %d:\n%s", n, c.bars, got)
			}
			if !strings.Contains(got, "the cart is broken") || !strings.Contains(got, "src/main.rs:17:28") {
				t.Errorf("the trap is not told:\n%s", got)
			}
			shown := strings.Join(strings.Fields(strings.ReplaceAll(escapes.ReplaceAllString(got, ""), "│", " ")), " ")
			for _, want := range []string{"✗ trap: unreachable: panicked at traps-p2/src/main.rs:17:28: the cart is broken", "at <traps_p2::shop::Cart>::total (traps-p2/src/main.rs:17:28)"} {
				if strings.Contains(shown, want) != (c.columns > 0) {
					t.Errorf("the tree has %q: %v\n%s", want, c.columns == 0, got)
				}
			}
		})
	}
}

// TestTerminalIsResized: a tree is as wide as the terminal is when it is printed.
func TestTerminalIsResized(t *testing.T) {
	p := onTerminalOf(t, 90, "", []string{"COLUMNS=", "NO_COLOR=1", "TERM=xterm"}, "up", "--listen", "127.0.0.1:0", "--trace", testref.File(t, "rust-http-full-p2"))
	p.see("serving ", 1)
	m := regexp.MustCompile(`serving \S+ on (http://\S+)\n`).FindStringSubmatch(p.text() + "\n")
	if m == nil {
		t.Fatalf("no address: %s", p.text())
	}
	get := func() {
		resp, err := http.Get(m[1] + "/hello")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	get()
	p.see("GET / /hello → 200", 1)
	first := p.text()
	if n := widest(first); n < 89 || n > 90 {
		t.Errorf("%d columns of 90:\n%s", n, first)
	}
	before := len(p.text())
	p.resize(140)
	get()
	p.see("GET / /hello → 200", 2)
	if n := widest(p.text()[before:]); n < 139 || n > 140 {
		t.Errorf("%d columns of 140:\n%s", n, p.text()[before:])
	}
}
