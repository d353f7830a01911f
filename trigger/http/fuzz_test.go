package http

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// script is what a guest does with one request, read from bytes.
type script struct {
	method  string
	old     bool // HTTP/1.0
	status  int
	informs []int
	fields  []wasihttp.Field
	chunks  []string
	trail   []wasihttp.Field
	noBody  bool
	ends    byte // how the body ends

	// What came of it, once done is closed.
	done     chan struct{}
	accepted []wasihttp.Field // fields that may be sent
	trailed  []wasihttp.Field
	wrote    string
	finished bool // all of it went well in the guest's eyes
}

// scriptOf reads a script: lines that begin with a letter for what they say.
func scriptOf(in []byte) *script {
	s := &script{method: "GET", status: 200, done: make(chan struct{})}
	for line := range bytes.Lines(in) {
		op, rest := line[0], strings.TrimSuffix(string(line[1:]), "\n")
		name, value, _ := strings.Cut(rest, ":")
		value = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00").Replace(value)
		n, _ := strconv.Atoi(rest)
		switch op {
		case 'm':
			s.method = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}[uint(n)%6]
		case 'o':
			s.old = true
		case 's':
			s.status = n
		case 'i':
			if len(s.informs) < 3 {
				s.informs = append(s.informs, n)
			}
		case 'h':
			s.fields = append(s.fields, wasihttp.Field{Name: name, Value: value})
		case 't':
			s.trail = append(s.trail, wasihttp.Field{Name: name, Value: value})
		case 'b':
			s.chunks = append(s.chunks, rest)
		case 'B':
			s.chunks = append(s.chunks, strings.Repeat("x", n&0xffff))
		case 'n':
			s.noBody = true
		case 'e':
			s.ends = byte(n)
		}
	}
	return s
}

// run is the guest's part.
func (s *script) run(ctx context.Context, out wasihttp.Responder) error {
	defer close(s.done)
	h := wasihttp.NewFields()
	for _, f := range s.fields {
		if h.Append(f.Name, f.Value) == nil {
			s.accepted = append(s.accepted, f)
		}
	}
	for _, n := range s.informs {
		if n < 100 || n > 199 || n == 101 { // whoever converts a guest's call refuses others
			continue
		}
		if err := out.Inform(ctx, n, h.Frozen()); err != nil {
			return nil
		}
	}
	r := wasihttp.NewOutgoingResponse(h)
	if r.SetStatus(s.status) != nil {
		s.status = 200
	}
	if s.noBody {
		s.finished = true
		out.Respond(r)
		return nil
	}
	b := r.Body()
	out.Respond(r)
	w := b.Stream()
	for _, c := range s.chunks {
		for len(c) > 0 {
			part := c[:min(len(c), 4096)]
			if err := wasiio.WriteAndFlush(ctx, w, []byte(part)); err != nil {
				return nil
			}
			s.wrote += part
			c = c[len(part):]
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	switch s.ends & 3 {
	case 1:
		b.Abort(wasihttp.ErrUnfinished)
		return nil
	case 2:
		return errors.New("the guest fails")
	}
	var t *wasihttp.Fields
	if len(s.trail) > 0 {
		t = wasihttp.NewFields()
		for _, f := range s.trail {
			if t.Append(f.Name, f.Value) == nil {
				s.trailed = append(s.trailed, f)
			}
		}
	}
	s.finished = b.Finish(t) == nil
	return nil
}

// message is an answer as it stands on the wire, read without indulgence.
type message struct {
	status  int
	fields  []wasihttp.Field
	body    string
	trail   []wasihttp.Field
	chunked bool
	whole   bool
}

var (
	statusRE = regexp.MustCompile(`^HTTP/1\.[01] ([1-9][0-9][0-9]) ([\t -~]*)$`)
	fieldRE  = regexp.MustCompile("^([-!#$%&'*+.^_`|~0-9A-Za-z]+): ?([^\\x00-\\x08\\x0a-\\x1f\\x7f]*)$")
)

// line reads one that ends with CR LF and has no others.
func line(r *bufio.Reader) (string, error) {
	s, err := r.ReadString('\n')
	if err != nil {
		return s, io.ErrUnexpectedEOF
	}
	s, ok := strings.CutSuffix(s, "\r\n")
	if !ok || strings.ContainsAny(s, "\r\x00") {
		return s, fmt.Errorf("bad line %q", s)
	}
	return s, nil
}

func lines(r *bufio.Reader) (fs []wasihttp.Field, err error) {
	for {
		s, err := line(r)
		if err != nil || s == "" {
			return fs, err
		}
		m := fieldRE.FindStringSubmatch(s)
		if m == nil {
			return fs, fmt.Errorf("bad field %q", s)
		}
		fs = append(fs, wasihttp.Field{Name: strings.ToLower(m[1]), Value: m[2]})
	}
}

func values(fs []wasihttp.Field, name string) (vs []string) {
	for _, f := range fs {
		if strings.EqualFold(f.Name, name) {
			vs = append(vs, f.Value)
		}
	}
	return vs
}

// read reads one answer, to a request of the method given. io.ErrUnexpectedEOF says that it is cut short.
func read(r *bufio.Reader, method string) (m *message, err error) {
	m = &message{}
	head, err := line(r)
	if err != nil {
		return m, err
	}
	parts := statusRE.FindStringSubmatch(head)
	if parts == nil {
		return m, fmt.Errorf("bad status line %q", head)
	}
	m.status, _ = strconv.Atoi(parts[1])
	if m.fields, err = lines(r); err != nil {
		return m, err
	}
	lengths, codings := values(m.fields, "content-length"), values(m.fields, "transfer-encoding")
	if len(lengths) > 1 || len(codings) > 1 || len(lengths) == 1 && len(codings) == 1 {
		return m, fmt.Errorf("lengths %q, codings %q", lengths, codings)
	}
	empty := bodiless(method, m.status) || m.status < 200
	if empty && len(codings) > 0 && method != "HEAD" {
		return m, fmt.Errorf("status %d has coding %q", m.status, codings)
	}
	switch {
	case empty:
	case len(codings) == 1:
		m.chunked = true
		for {
			s, err := line(r)
			if err != nil {
				return m, err
			}
			n, err := strconv.ParseUint(s, 16, 32)
			if err != nil {
				return m, fmt.Errorf("bad chunk %q", s)
			}
			if n == 0 {
				if m.trail, err = lines(r); err != nil {
					return m, err
				}
				break
			}
			b := make([]byte, n+2)
			k, err := io.ReadFull(r, b)
			m.body += string(b[:min(k, int(n))])
			if err != nil {
				return m, io.ErrUnexpectedEOF
			}
			if string(b[n:]) != "\r\n" {
				return m, fmt.Errorf("bad end of a chunk %q", b[n:])
			}
		}
	case len(lengths) == 1:
		n, err := strconv.ParseUint(lengths[0], 10, 63)
		if err != nil {
			return m, fmt.Errorf("bad length %q", lengths[0])
		}
		b, _ := io.ReadAll(io.LimitReader(r, int64(n)))
		m.body = string(b)
		if uint64(len(b)) < n {
			return m, io.ErrUnexpectedEOF
		}
	default:
		b, _ := io.ReadAll(r)
		m.body = string(b)
	}
	m.whole = true
	return m, nil
}

const sentinel = "the next answer"

// FuzzAnswer says that nothing which a guest answers breaks HTTP's framing: on a connection that is used again, the next
// answer is where the client looks for it. What is told as whole is what the guest wrote and finished; fields are those
// that it gave and net/http's own.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", "bhello", "s204\nbx", "s304\nhcontent-length:5", "m1\nbx", "hcontent-length:3\nbabc", "hcontent-length:3\nbab",
		"hcontent-length:3\nbabcd", "hcontent-length: 3\nbabc", "hcontent-length:+3\nbabc", "hcontent-length:3\nhcontent-length:3\nbabc",
		"hContent-Length:3\nbabc\nta:b", "htransfer-encoding:chunked\nbx", "hconnection:close\nbx", `ha:b\r\nc`, "bx\nttrailer:a\nta:b\ntcontent-length:7",
		"htrailer:a,b\nbx\nta:1\ntb:2", "hTrailer:Transfer-Encoding\nbx", "o\nbx\nta:b", "i103\ni100\nhlink:x\nbx", "n\nhcontent-length:7", "m1\nn\nhcontent-length:7",
		"m1\nhcontent-length:7", "m2\nB9000\nbx\ne1", "bx\ne2", "e1", "s999\nbx", "hset-cookie:a\nhset-cookie:b\nhdate:never\nhserver:\xff",
		"hupgrade:x\nhte:trailers\nhkeep-alive:1", "s101\nbx", "s205\nbx", "o\nm1\nhcontent-length:3\nbabc", "s304\nbx\nta:b", "hcontent-encoding:gzip\nbx",
		"hcontent-length:\nbx", "hcontent-length:99999999999999999999\nbx", "hcontent-length:0\nbx", "hcontent-length:-1\nbx", "s204\nhcontent-length:3"} {
		f.Add([]byte(s))
	}
	var current atomic.Pointer[script]
	served := start(f, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if in.PathWithQuery() == "/next" {
			return text(ctx, out, 200, sentinel)
		}
		return current.Load().run(ctx, out)
	})
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 4096 {
			return
		}
		s := scriptOf(in)
		current.Store(s)
		c, err := net.Dial("tcp", served.Addr().String())
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Skip(err) // out of ports
		} else if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		version := "1.1"
		if s.old {
			version = "1.0"
		}
		fmt.Fprintf(c, "%s / HTTP/%s\r\nHost: h\r\n\r\n", s.method, version)
		r := bufio.NewReader(c)
		informed := 0
		m, err := read(r, s.method)
		for ; err == nil && m.status < 200; m, err = read(r, s.method) {
			informed++
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%v in the answer to\n%s", err, in)
		}
		select { // it may still be under way when its answer is whole
		case <-s.done:
		case <-time.After(20 * time.Second):
			t.Fatal("the guest does not end")
		}
		if informed > len(s.informs) || s.old && informed > 0 {
			t.Fatalf("%d answers before the answer", informed)
		}
		if err != nil {
			if s.finished {
				t.Fatalf("cut short, though the guest finished: %+v", m)
			}
			return
		}
		s.told(t, m)
		if s.old {
			return
		}
		fmt.Fprintf(c, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
		next, err := read(r, "GET")
		if err != nil && next.status == 0 && (len(values(m.fields, "connection")) > 0 || !s.finished) {
			return // closed: it said so, or the guest failed after its last byte
		}
		if err != nil || next.status != 200 || next.body != sentinel {
			t.Fatalf("the next answer is %+v, %v, after %+v", next, err, m)
		}
	})
}

// told holds a whole answer against what the guest did.
func (s *script) told(t *testing.T, m *message) {
	t.Helper()
	if m.status == 500 && !s.finished && len(m.body) > 0 && s.status != 500 {
		return // an answer of ours
	}
	if m.status != s.status {
		t.Fatalf("status %d became %d", s.status, m.status)
	}
	if bodiless(s.method, m.status) || s.noBody {
		if m.body != "" {
			t.Fatalf("body %q where there is none", m.body)
		}
	} else if m.body != s.wrote && !(s.old && strings.HasPrefix(s.wrote, m.body)) {
		t.Fatalf("wrote %q, sent %q", s.wrote, m.body)
	} else if !s.finished && m.chunked { // a length that was declared is reached, whatever the guest does then
		t.Fatalf("whole, though the guest did not finish: %+v", m)
	}
	for _, f := range m.fields {
		switch f.Name {
		case "date", "content-length", "transfer-encoding", "connection", "trailer":
			continue
		}
		if !given(s.accepted, f) {
			t.Fatalf("field %+v, of %+v", f, s.accepted)
		}
	}
	for _, f := range m.trail {
		if !given(s.trailed, f) {
			t.Fatalf("trailer %+v, of %+v", f, s.trailed)
		}
		switch f.Name {
		case "content-length", "transfer-encoding", "trailer", "host":
			t.Fatalf("trailer %+v", f)
		}
	}
}

// given says whether the guest gave a field: the wire does not keep spaces around a value.
func given(fs []wasihttp.Field, f wasihttp.Field) bool {
	return slices.ContainsFunc(fs, func(g wasihttp.Field) bool {
		return strings.EqualFold(g.Name, f.Name) && strings.Trim(g.Value, " \t") == strings.Trim(f.Value, " \t")
	})
}
