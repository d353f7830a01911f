package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// conversation asks somebody at a terminal. Its answers are read by one goroutine, which ends with the process: a read of a terminal cannot
// be ended.
type conversation struct {
	ctx     context.Context
	out     io.Writer // makes what it gets printable
	raw     io.Writer
	fd      int
	columns int
	keys    <-chan byte // closed at the end of the input
	restore func()      // of a terminal that passes on each key; nil: it passes on lines
}

// conversation begins one where standard input and output are a terminal; nil: they are not.
func (p *process) conversation(ctx context.Context) *conversation {
	in, ok1 := p.stdin.(*os.File)
	out, ok2 := p.stdout.(*os.File)
	if !ok1 || !ok2 || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil
	}
	columns, _, err := term.GetSize(int(out.Fd()))
	if err != nil || columns < 20 {
		columns = 80
	}
	keys := make(chan byte)
	go func() {
		defer close(keys)
		b := make([]byte, 1)
		for {
			if n, err := in.Read(b); n == 0 || err != nil {
				return
			}
			keys <- b[0]
		}
	}()
	return &conversation{ctx: ctx, out: text.Writer(out), raw: out, fd: int(in.Fd()), columns: columns, keys: keys}
}

// close gives the terminal back.
func (c *conversation) close() {
	if c.restore != nil {
		c.restore()
		c.restore = nil
	}
}

var errNoAnswer = &Problem{What: "nothing was chosen", Do: "give a template and a name: see vitrine new --help", Code: ExitUsage}

// key is the next byte of the input.
func (c *conversation) key() (byte, error) {
	select {
	case k, ok := <-c.keys:
		if !ok || k == 4 { // Ctrl-D
			return 0, errNoAnswer
		}
		return k, nil
	case <-c.ctx.Done():
		if p := interruption(c.ctx); p != nil {
			return 0, p
		}
		return 0, context.Cause(c.ctx)
	}
}

// line reads a line, and at the end of the input what there is of one.
func (c *conversation) line() (string, error) {
	var b strings.Builder
	for {
		k, err := c.key()
		switch {
		case err != nil:
			return "", err
		case k == '\n' || k == '\r':
			return strings.TrimSpace(b.String()), nil
		case b.Len() < 1<<10:
			b.WriteByte(k)
		}
	}
}

// ask asks for a text until check accepts it.
func (c *conversation) ask(question, def string, check func(string) error) (string, error) {
	c.close()
	for {
		fmt.Fprintf(c.out, "%s [%s]: ", question, def)
		answer, err := c.line()
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = def
		}
		if err = check(answer); err == nil {
			return answer, nil
		}
		fmt.Fprintf(c.out, "%v\n", err)
	}
}

// choose asks which of several it is to be: by the arrow keys where the terminal passes on each key, by a number everywhere.
func (c *conversation) choose(question string, choices []string) (int, error) {
	restore, each := singleKeys(c.fd)
	if !keysAtOnce || !each {
		return c.chooseByNumber(question, choices)
	}
	c.restore = restore
	defer c.close()
	fmt.Fprintf(c.out, "%s (arrows or a number, then Enter)\n", question)
	at, typed := 0, ""
	for first := true; ; first = false {
		c.show(choices, at, first)
		k, err := c.key()
		if err != nil {
			return 0, err
		}
		switch {
		case k == '\n' || k == '\r':
			return at, nil
		case k == 'q':
			return 0, errNoAnswer
		case k >= '0' && k <= '9':
			// 1 and then 2 is 12, where there are as many; else 2.
			if n, err := strconv.Atoi(typed + string(k)); err != nil || n < 1 || n > len(choices) {
				typed = ""
			}
			typed += string(k)
			if n, _ := strconv.Atoi(typed); n >= 1 && n <= len(choices) {
				at = n - 1
			}
			continue
		case k == 'k':
			at--
		case k == 'j':
			at++
		case k == 0x1b:
			step, err := c.arrow()
			if err != nil {
				return 0, err
			}
			at += step
		}
		typed = ""
		at = (at + len(choices)) % len(choices)
	}
}

// arrow reads the rest of an arrow key: up is -1, down 1, other keys 0.
func (c *conversation) arrow() (step int, err error) {
	k, err := c.key()
	if err != nil || k != '[' && k != 'O' {
		return 0, err
	}
	switch k, err = c.key(); k {
	case 'A':
		step = -1
	case 'B':
		step = 1
	}
	return step, err
}

// show prints the choices, in the place of those that were printed before unless they are the first. A line is cut rather than broken, so
// that the way back up is known.
func (c *conversation) show(choices []string, at int, first bool) {
	var b strings.Builder
	if !first {
		fmt.Fprintf(&b, "\x1b[%dA", len(choices))
	}
	for i, choice := range choices {
		mark := " "
		if i == at {
			mark = ">"
		}
		line := []rune(fmt.Sprintf("%s %2d  %s", mark, i+1, choice))
		fmt.Fprintf(&b, "\r\x1b[K%s\n", string(line[:min(len(line), c.columns-1)]))
	}
	_, _ = io.WriteString(c.raw, b.String()) // the choices are the program's own
}

func (c *conversation) chooseByNumber(question string, choices []string) (int, error) {
	for i, choice := range choices {
		fmt.Fprintf(c.out, "  %2d  %s\n", i+1, choice)
	}
	answer, err := c.ask(question+" Number", "1", func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < 1 || n > len(choices) {
			return errors.New("want a number of the list")
		}
		return nil
	})
	n, _ := strconv.Atoi(answer)
	return n - 1, err
}
