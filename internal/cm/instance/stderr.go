package instance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// maxNoted bounds what is kept of what an invocation writes to standard error, maxPanic the message that is taken from it, in bytes.
const (
	maxNoted = 4 << 10
	maxPanic = 1 << 10
)

// noted is the end of what an invocation has written to standard error.
type noted struct {
	mu   sync.Mutex
	tail []byte
}

type notedKey struct{}

// NoteStderr notes what the guest whose call ctx comes from has written to standard error: languages print there why they trap.
func NoteStderr(ctx context.Context, p []byte) {
	_, i := FromContext(ctx)
	if i == nil || len(p) == 0 {
		return
	}
	n := i.Value(notedKey{}, func() any { return &noted{} }).(*noted)
	n.mu.Lock()
	defer n.mu.Unlock()
	p = p[max(0, len(p)-maxNoted):]
	if more := len(n.tail) + len(p) - maxNoted; more > 0 {
		n.tail = n.tail[:copy(n.tail, n.tail[more:])]
	}
	n.tail = append(n.tail, p...)
}

// explain gives a guest's trap without a detail the message of the panic that the invocation has printed, if it has.
func (i *Invocation) explain(err error) {
	var t *cm.Trap
	if i == nil || !errors.As(err, &t) || t.Boundary != nil || t.Blame() != cm.BlameGuest || t.Detail != "" && !refused(t) {
		return
	}
	n, ok := i.Value(notedKey{}, nil).(*noted)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if message := panicMessage(n.tail); message != "" && t.Detail != "" {
		t.Detail = message + "; " + t.Detail
	} else if message != "" {
		t.Detail = message
	}
	n.tail = n.tail[:0] // it explains one trap
}

// refused says that all that the detail of a trap tells is that the guest was refused memory.
func refused(t *cm.Trap) bool {
	limit, ok := t.Err.(*cm.LimitError) //nolint:errorlint // as core has set it
	return t.Detail == core.AfterRefusal || ok && t.Detail == limit.Detail
}

// panicStarts are what lines contain with which panics begin: of Rust, Go and TinyGo, C and C++, Zig, AssemblyScript, JavaScript and Python.
// behind says that the message is what follows it, else the whole line is.
var panicStarts = []struct {
	text   string
	behind bool
}{
	{"panicked at ", false}, {"panic: ", true}, {"fatal error: ", true}, {"Assertion failed: ", false}, {"terminating due to ", false}, {"terminate called ", false},
	{"abort: ", true}, {"memory allocation of ", false}, {"Uncaught ", false}, {"Unhandled exception", false}, {"Error: ", false}, {"Exception: ", false},
}

// panicMessage is the message of the last panic in a text, on one line; "" if there is none. It ends where the language goes on with a stack
// or a note.
func panicMessage(tail []byte) string {
	lines := strings.Split(strings.ToValidUTF8(string(bytes.TrimRight(tail, "\r\n ")), "\uFFFD"), "\n")
	for first := len(lines) - 1; first >= 0; first-- {
		start, ok := panicStart(lines[first])
		if !ok {
			continue
		}
		parts := []string{start}
		for _, line := range lines[first+1:] {
			line = strings.TrimSpace(line)
			if line == "" || endsPanic(line) {
				break
			}
			parts = append(parts, line)
		}
		message := strings.Join(parts, " ")
		return strings.ToValidUTF8(message[:min(len(message), maxPanic)], "")
	}
	return ""
}

func panicStart(line string) (string, bool) {
	line = strings.TrimSpace(line)
	for _, s := range panicStarts {
		i := strings.Index(line, s.text)
		switch {
		case i < 0:
		case s.behind:
			return line[i+len(s.text):], true
		case s.text == "panicked at ": // behind the thread's name
			return line[i:], true
		default:
			return line, true
		}
	}
	return "", false
}

// endsPanic says that a line is not part of the message.
func endsPanic(line string) bool {
	for _, s := range []string{"note: run with", "stack backtrace:", "goroutine ", "at ", "Traceback", "[signal "} {
		if strings.HasPrefix(line, s) {
			return true
		}
	}
	return false
}
