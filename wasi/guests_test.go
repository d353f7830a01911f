package wasi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// commands loads and links each guest once, as linking is slow.
type commands struct {
	engine *component.Engine
	loaded map[string]*component.Component
}

func newCommands(t *testing.T) *commands {
	t.Helper()
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &commands{e, map[string]*component.Component{}}
}

// run runs a command and returns its exit status; -1 for a trap, which is in err.
func (c *commands) run(t *testing.T, guest string, cfg wasi.Config) (status int, err error) {
	t.Helper()
	return c.runContext(t.Context(), t, guest, cfg)
}

func (c *commands) runContext(runCtx context.Context, t *testing.T, guest string, cfg wasi.Config) (status int, err error) {
	t.Helper()
	ctx := t.Context()
	comp := c.loaded[guest]
	if comp == nil {
		if comp, err = c.engine.Load(ctx, guest, testref.Guest(t, guest)); err != nil {
			t.Fatal(err)
		}
		c.loaded[guest] = comp
	}
	l := c.engine.NewLinker(nil)
	if err := wasi.Add(l, cfg); err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(ctx, comp)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx, component.WithMemory(200<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := inst.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	_, err = inst.Call(runCtx, "wasi:cli/run@0.2.0#run")
	var exit *cm.ExitError
	var fail *cm.ResultError[any]
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return int(exit.Code), nil
	case errors.As(err, &fail):
		return 1, nil
	}
	return -1, err
}

// output collects what a guest writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) write(_ context.Context, p []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p)
	return nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func TestHostileCommand(t *testing.T) {
	c := newCommands(t)
	dir := t.TempDir()
	os.WriteFile(filepath.Join(filepath.Dir(dir), "secret"), []byte("x"), 0o600)
	for _, step := range []struct {
		args   string
		stdin  string
		status int
		out    string // pattern, or the text itself after "="
		err    string // pattern
	}{
		{"args", "", 0, `\["guest", "args"\]\n`, ""},
		{"env", "", 0, "A=b\nZ=y\n", ""},
		{"exit 0", "", 0, "", ""},
		{"exit 3", "", 1, "", ""},
		{"write a.txt hey", "", 0, "written\n", ""},
		{"read a.txt", "", 0, "hey", ""},
		{"read nope", "", 1, "read: .*\n", ""},
		{"ls", "", 0, "a.txt\n", ""},
		{"escape", "", 0, `([^\n]*: (PermissionDenied|NotFound)\n){5}`, ""},
		{"symlink-out", "", 0, `symlink: Err\(PermissionDenied\), read: Err\(NotFound\)\n`, ""},
		{"rm a.txt", "", 0, `Ok\(\(\)\)\n`, ""},
		{"ls", "", 0, "\n", ""},
		{"sleep 30", "", 0, `slept \d+ ms\n`, ""},
		{"random", "", 0, "[0-9a-f]{16}\n", ""},
		{"time", "", 0, `\d{10}\n`, ""},
		{"files 20", "", 0, "20 open\n", ""},
		{"fill 3", "", 0, "wrote 3 MiB\n", ""},
		{"longline 2", "", 0, "L{1000,}\n", ""},
		{"badutf8", "", 0, "=\xff\xfe\x00\x1b[31mnot text\n", ""},
		{"stdin", strings.Repeat("line\n", 5000), 0, "(line\n){1000,}", "25000 bytes\n"},
		{"stdin", "", 0, "", "0 bytes\n"},
		{"panic", "", -1, "", "(?s).*told to panic.*"},
	} {
		t.Run(step.args, func(t *testing.T) {
			var stdout, stderr output
			status, err := c.run(t, "rust-cli-hostile", wasi.Config{
				Args: append([]string{"guest"}, strings.Fields(step.args)...), Env: []wasi.KV{{Name: "Z", Value: "y"}, {Name: "A", Value: "b"}},
				Stdin: strings.NewReader(step.stdin), Stdout: stdout.write, Stderr: stderr.write,
				Preopens: []filesystem.Preopen{{Host: dir, Guest: "."}},
			})
			if status != step.status {
				t.Errorf("status %d (%v), want %d; stderr: %s", status, err, step.status, stderr.String())
			}
			match(t, "stdout", stdout.String(), step.out)
			match(t, "stderr", stderr.String(), step.err)
		})
	}
	if _, err := os.Lstat(filepath.Join(dir, "link-out")); err == nil {
		t.Error("a link that leads out was made")
	}
}

func match(t *testing.T, what, got, pattern string) {
	t.Helper()
	if want, ok := strings.CutPrefix(pattern, "="); ok {
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
		return
	}
	if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(got) {
		if len(got) > 300 {
			got = got[:300] + "…"
		}
		t.Errorf("%s: %q, want %q", what, got, pattern)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	c := newCommands(t)
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "a.txt"), []byte("kept"), 0o666)
	for args, out := range map[string]string{"read a.txt": "kept", "write a.txt lost": "write: .*\n", "write b.txt x": "write: .*\n", "rm a.txt": `Err\(.*\)\n`, "ls": "a.txt\n"} {
		var stdout output
		c.run(t, "rust-cli-hostile", wasi.Config{Args: append([]string{"guest"}, strings.Fields(args)...), Stdout: stdout.write,
			Preopens: []filesystem.Preopen{{Host: dir, Guest: ".", ReadOnly: true}}})
		match(t, args, stdout.String(), out)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "a.txt")); string(b) != "kept" {
		t.Errorf("the file holds %q", b)
	}
}

func TestCommands(t *testing.T) {
	c := newCommands(t)
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "f.txt"), []byte("file text"), 0o666)
	for _, guest := range []string{"rust-cli-p2", "c-cli-p2"} {
		t.Run(guest, func(t *testing.T) {
			var stdout, stderr output
			status, err := c.run(t, guest, wasi.Config{
				Args: []string{guest, "/d/f.txt", "b"}, Env: []wasi.KV{{Name: "GREETING", Value: "hej"}}, Stdin: strings.NewReader("in\n"),
				Stdout: stdout.write, Stderr: stderr.write, Preopens: []filesystem.Preopen{{Host: dir, Guest: "/d"}},
			})
			if status != 0 || !strings.Contains(stdout.String(), "hej") {
				t.Errorf("status %d, %v: %q %q", status, err, stdout.String(), stderr.String())
			}
			t.Logf("%s", stdout.String())
		})
	}
}

// TestService runs a TCP server in one guest and talks to it, by Go and by another guest.
func TestService(t *testing.T) {
	c := newCommands(t)
	first := make(chan string, 1)
	var out output
	done := make(chan string, 1)
	server := newCommands(t)
	go func() {
		status, err := server.run(t, "rust-service-p2", wasi.Config{
			Args: []string{"service", "0"}, Sockets: sockets.Grants{Listen: []string{"127.0.0.1:*"}},
			Stdout: func(ctx context.Context, p []byte) error {
				out.write(ctx, p)
				if s, ok := strings.CutPrefix(out.String(), "listening "); ok && strings.HasSuffix(s, "\n") {
					select {
					case first <- strings.TrimSpace(s):
					default:
					}
				}
				return nil
			},
		})
		if status != 0 {
			t.Errorf("service: status %d, %v", status, err)
		}
		done <- out.String()
	}()
	var port string
	select {
	case port = <-first:
	case got := <-done:
		t.Fatalf("the service has ended: %q", got)
	}
	a, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	a.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(a, "one\ntw")
	b, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	b.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(b, "bee\n")
	expect(t, b, "eeb <- bee\n")
	io.WriteString(a, "o\n")
	expect(t, a, "eno <- one\nowt <- two\n")
	a.Close()
	b.Close()

	var refused output
	if status, _ := c.run(t, "rust-tcp-client-p2", wasi.Config{Args: []string{"client", port, "x"}, Stdout: refused.write}); status != 1 {
		t.Errorf("client without grant: status %d", status)
	}
	match(t, "client without grant", refused.String(), "(?i).*access.*denied.*\n")
	var talk output
	status, err := c.run(t, "rust-tcp-client-p2", wasi.Config{Args: []string{"client", port, "hello", "quit"}, Stdout: talk.write,
		Sockets: sockets.Grants{Connect: []string{"localhost:" + port}}})
	if status != 0 || talk.String() != "olleh <- hello\nbye\n" {
		t.Errorf("client: %d %v %q", status, err, talk.String())
	}
	if got := <-done; !strings.HasSuffix(got, "served 3\n") {
		t.Errorf("service: %q", got)
	}
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(r, buf); string(buf) != want {
		t.Errorf("%q, %v; want %q", buf, err, want)
	}
}

func preopen(host string) wasi.Config {
	return wasi.Config{Preopens: []filesystem.Preopen{{Host: host, Guest: "/"}}}
}

func grants(connect string) sockets.Grants { return sockets.Grants{Connect: []string{connect}} }

// TestWaitsEndWithTheirContext: the context ends waits for a timer, for standard input and for a client.
func TestWaitsEndWithTheirContext(t *testing.T) {
	c := newCommands(t)
	pr, pw := io.Pipe()
	defer pw.Close()
	for name, w := range map[string]struct {
		guest string
		cfg   wasi.Config
	}{
		"timer":  {"rust-cli-hostile", wasi.Config{Args: []string{"guest", "sleep", "3600000"}}},
		"stdin":  {"rust-cli-hostile", wasi.Config{Args: []string{"guest", "stdin"}, Stdin: pr}},
		"accept": {"rust-service-p2", wasi.Config{Args: []string{"service", "0"}, Sockets: sockets.Grants{Listen: []string{"*"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			status, err := c.runContext(ctx, t, w.guest, w.cfg)
			var trap *cm.Trap
			if status != -1 || !errors.As(err, &trap) || trap.Code != cm.TrapDeadline {
				t.Errorf("status %d, %v; want a trap by deadline", status, err)
			}
		})
	}
}
