package guestfixture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

// Use is one piece of work for a guest.
type Use struct {
	Name string
	// Unique says that the output has random values: on a real host no two are the same.
	Unique bool

	run  func(ctx context.Context, b *Fixture, inst *component.Instance, w *World, out *strings.Builder) error
	mask *regexp.Regexp // of what is seen of it, this much is for nobody to repeat: ports that the system gives
}

func (u Use) unique() Use {
	u.Unique = true
	return u
}

// request is an HTTP request. {http} in path and body is replaced by the address of a server.
func request(method, path, body string) Use {
	return Use{Name: method + " " + path, run: func(ctx context.Context, b *Fixture, inst *component.Instance, w *World, out *strings.Builder) error {
		return b.request(ctx, inst, method, strings.ReplaceAll(path, "{http}", b.peers.HTTP), body, out)
	}}
}

func get(path string) Use { return request(http.MethodGet, path, "") }

func (b *Fixture) request(ctx context.Context, inst *component.Instance, method, path, body string, out *strings.Builder) error {
	u, err := url.Parse("http://example.test" + path)
	if err != nil {
		return err
	}
	r := &http.Request{Method: method, URL: u, Host: "example.test", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"text/plain"}, "X-Mixed": {"one", "two"}}, ContentLength: int64(len(body))}
	if body != "" {
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	a := &answer{done: make(chan struct{})}
	err = httpp2.Handle(ctx, inst, wasihttp.NewIncomingRequest(r, io.NopCloser(strings.NewReader(body))), a)
	if a.body != nil {
		a.body.Abort(wasihttp.ErrUnfinished) // the guest has returned without finishing it
		<-a.done
	}
	out.WriteString(a.text.String())
	return err
}

// answer records a guest's response.
type answer struct {
	text strings.Builder
	body *wasihttp.OutgoingBody
	done chan struct{} // closed when the body has been read
}

func (a *answer) Inform(_ context.Context, status int, h *wasihttp.Fields) error {
	fmt.Fprintf(&a.text, "informs of %d\n", status)
	a.fields(h.Header())
	return nil
}

func (a *answer) Fail(err *wasihttp.Error) { fmt.Fprintf(&a.text, "failed: %v\n", err) }

func (a *answer) Respond(r *wasihttp.OutgoingResponse) {
	fmt.Fprintf(&a.text, "status %d\n", r.Status())
	a.fields(r.Headers().Header())
	if !r.HasBody() {
		a.text.WriteString("no body\n")
		return
	}
	a.body = r.Body()
	a.body.Attach(false)
	go func() {
		defer close(a.done)
		b, err := io.ReadAll(a.body)
		fmt.Fprintf(&a.text, "%s\nread: %v\n", b, err)
		if t := a.body.Trailers(); t != nil {
			a.fields(t.TrailerHeader())
		}
	}()
}

func (a *answer) fields(h http.Header) {
	for _, k := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&a.text, "%s: %q\n", k, h[k])
	}
}

// command runs wasi:cli/run. {lines} in the arguments is replaced by the port of a server that reverses lines.
func command(stdin string, args ...string) Use {
	return Use{Name: strings.Join(args, " "), run: func(ctx context.Context, b *Fixture, inst *component.Instance, w *World, out *strings.Builder) error {
		w.args = []string{"guest"}
		for _, a := range args {
			w.args = append(w.args, strings.ReplaceAll(a, "{lines}", b.peers.Lines))
		}
		w.stdin = stdinOf(stdin)
		return runCommand(ctx, inst, out)
	}}
}

func runCommand(ctx context.Context, inst *component.Instance, out *strings.Builder) error {
	_, err := inst.Call(ctx, "wasi:cli/run@0.2.0#run")
	var failed *cm.ResultError[any]
	if errors.As(err, &failed) {
		out.WriteString("failed\n")
		return nil // a result: the instance stays usable
	}
	return err
}

// call calls an export. A WIT error is a result as well.
func call(name string, args ...any) Use {
	return Use{Name: fmt.Sprint(name, args), run: func(ctx context.Context, _ *Fixture, inst *component.Instance, _ *World, out *strings.Builder) error {
		_, err := callFor(ctx, inst, out, name, args...)
		return err
	}}
}

func callFor(ctx context.Context, inst *component.Instance, out *strings.Builder, name string, args ...any) (any, error) {
	v, err := inst.Call(ctx, name, args...)
	var failed *cm.ResultError[any]
	if errors.As(err, &failed) {
		v, err = fmt.Sprint("error ", failed.Value), nil
	}
	if r, ok := v.(*cm.Resource); ok {
		fmt.Fprintf(out, "a %s\n", r.Type)
	} else {
		fmt.Fprintf(out, "%v\n", v)
	}
	return v, err
}

var portPattern = regexp.MustCompile(`listening \d+`)

// serve runs a command that prints the port that it listens on, sends it a line over each of several open connections, and
// ends it.
func serve(lines ...string) Use {
	return Use{Name: "serve " + strings.Join(lines, " "), mask: portPattern,
		run: func(ctx context.Context, b *Fixture, inst *component.Instance, w *World, out *strings.Builder) error {
			w.args = []string{"guest", "0"}
			told := make(chan string, 1)
			w.lines = func(text string) {
				if port, ok := strings.CutPrefix(text, "listening "); ok {
					told <- strings.TrimSpace(port)
				}
			}
			talk := make(chan string, 1)
			go func() { talk <- talkTo("127.0.0.1:"+<-told, lines) }()
			err := runCommand(ctx, inst, out)
			if err != nil {
				return err
			}
			out.WriteString(<-talk)
			return nil
		}}
}

// talkTo sends each line over a connection of its own, then ends the server.
func talkTo(addr string, lines []string) string {
	var out strings.Builder
	for _, line := range append(slices.Clone(lines), "quit") {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		fmt.Fprintln(c, line)
		answer, err := bufio.NewReader(c).ReadString('\n')
		fmt.Fprintf(&out, "%s %v\n", answer, err)
	}
	return out.String()
}

// Peers are the servers that guests talk to.
type Peers struct {
	HTTP  string // address of a server that responds with the request
	Lines string // port of a server that reverses lines
	close func() error
}

// NewPeers starts them.
func NewPeers() (*Peers, error) {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	text, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, web.Close())
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["Date"] = nil
		fmt.Fprintf(w, "%s %s %q\n", r.Method, r.URL, body)
	})}
	go func() { _ = server.Serve(web) }() // it ends when it is closed
	go func() {
		for {
			c, err := text.Accept()
			if err != nil {
				return
			}
			go reverse(c)
		}
	}()
	_, port, _ := net.SplitHostPort(text.Addr().String())
	return &Peers{HTTP: web.Addr().String(), Lines: port, close: func() error { return errors.Join(server.Close(), text.Close()) }}, nil
}

// Close stops them.
func (p *Peers) Close() error { return p.close() }

func reverse(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		b := []byte(lines.Text())
		slices.Reverse(b)
		fmt.Fprintf(c, "%s\n", b)
	}
}
