package http

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// requestScript is a guest's request, parsed from lines whose first letter is their kind.
type requestScript struct {
	method, path, authority string
	fields, trailers        []Field
	body                    string
	noBody, broken          bool
}

func parseScript(in []byte) *requestScript {
	s := &requestScript{method: "GET", path: "/", authority: "h"}
	for line := range bytes.Lines(in) {
		rest := strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00").Replace(strings.TrimSuffix(string(line[1:]), "\n"))
		name, value, _ := strings.Cut(rest, ":")
		switch line[0] {
		case 'm':
			s.method = rest
		case 'p':
			s.path = rest
		case 'a':
			s.authority = rest
		case 'h':
			s.fields = append(s.fields, Field{name, value})
		case 't':
			s.trailers = append(s.trailers, Field{name, value})
		case 'b':
			s.body += rest
		case 'n':
			s.noBody = true
		case 'x':
			s.broken = true
		}
	}
	return s
}

// build makes the request from the allowed lines, and removes the others from the script.
func (s *requestScript) build() *OutgoingRequest {
	fields := func(fs []Field) (*Fields, []Field) {
		h := NewFields()
		fs = slices.DeleteFunc(fs, func(f Field) bool { return h.Append(f.Name, f.Value) != nil })
		return h, fs
	}
	var h, t *Fields
	h, s.fields = fields(s.fields)
	r := NewOutgoingRequest(h)
	if r.SetMethod(s.method) != nil {
		s.method = "GET"
	}
	_ = r.SetScheme("http")
	if r.SetAuthority(s.authority) != nil {
		_ = r.SetAuthority("h")
	}
	if r.SetPathWithQuery(s.path) != nil {
		s.path = ""
	}
	t, s.trailers = fields(s.trailers)
	if s.noBody {
		s.body, s.trailers = "", nil
		return r
	}
	b := r.Body()
	w := b.Stream()
	if err := w.Write(context.Background(), []byte(s.body)); err != nil {
		s.broken = true
	}
	_ = w.Close()
	if s.broken {
		b.Abort(ErrUnfinished)
	} else if b.Finish(t) != nil {
		s.broken = true
	}
	return r
}

var headRE = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+ [!-~]+ HTTP/1\\.1\r\n([-!#$%&'*+.^_`|~0-9A-Za-z]+: [^\\x00-\\x08\\x0a-\\x1f\\x7f]*\r\n)*\r\n")

// receivedRequest is a request as a server gets it.
type receivedRequest struct {
	req   *http.Request
	body  string
	whole bool
	head  string
	rest  int // bytes after the request
}

// answerOnce reads one request from c, answers with bytes of any kind and closes the connection.
func answerOnce(c net.Conn, answer []byte) (s receivedRequest) {
	defer c.Close()
	var raw bytes.Buffer
	r := bufio.NewReader(io.TeeReader(c, &raw))
	req, err := http.ReadRequest(r)
	s.head, _, _ = strings.Cut(raw.String(), "\r\n\r\n")
	s.head += "\r\n\r\n"
	if err != nil {
		return s
	}
	s.req = req
	b, err := io.ReadAll(req.Body)
	s.body, s.whole = string(b), err == nil
	s.rest = r.Buffered()
	if s.whole {
		_, _ = c.Write(answer)
	}
	return s
}

// FuzzSend: a server receives the guest's request, framed correctly, or a truncated one; and whatever the server sends is
// fields and a body for the guest, or an error.
func FuzzSend(f *testing.F) {
	ok := []byte("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
	for _, s := range []string{"", "mPOST\nbhello", "mPOST\nhcontent-length:3\nbabc", "mPOST\nhcontent-length:+3\nbabc", "mPOST\nhcontent-length:3\nhcontent-length:4\nbabc",
		"mPOST\nhtransfer-encoding:chunked\nbx", "mPUT\nhtrailer:a\nbx\nta:b", "mPOST\nbx\nta:b\ntcontent-length:9", "mG T", "mCONNECT", "p/a?b", "p//x", "p?x", "p*", `p/\r\n`,
		"ah:80", "a[::1]:1", "ah:0", "au@h", `ha:b\r\nc: d`, "hexpect:100-continue\nmPOST\nbx", "mPOST\nbx\nx", "mGET\nbx", "mHEAD", "huser-agent:x", "huser-agent:x\nhuser-agent:y",
		"hte:trailers", "hcookie:a\nhcookie:b", "n\nhcontent-length:5", "mGET\nhcontent-length:0", "p/a%2Fb|c?d|e", "p//x|y", "p?", "p/?", `p/"<>\^{}` + "`", "p/%zz", "p/%2f", "mpost\nhcontent-length:0"} {
		f.Add([]byte(s), ok)
	}
	for _, s := range []string{"", "HTTP/1.1 200\n\n", "HTTP/1.1 103 x\nLink: a\n\nHTTP/1.1 204 No\n\n", "HTTP/1.1 101 x\nUpgrade: y\nConnection: upgrade\n\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: A\n\n3\nabc\n0\nA: b\n\n", "HTTP/1.1 200 OK\nContent-Length: 5\n\nabc", "HTTP/1.0 200 OK\n\nabc", "HTTP/1.1 999 x\nA: b\n c\n\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 3\n\nfffffffff\nabc", "HTTP/1.1 099 x\n\n", "HTTP/1.1 304 x\nContent-Length: 5\n\n", "HTTP/1.1 200 OK\nConnection: x\nX: y\nKeep-Alive: 1\n\n"} {
		f.Add([]byte(""), []byte(s))
		f.Add([]byte("mHEAD"), []byte(s))
	}
	f.Fuzz(func(t *testing.T, script, answer []byte) {
		if len(script)+len(answer) > 8192 {
			return
		}
		s := parseScript(script)
		answer = bytes.ReplaceAll(answer, []byte("\n"), []byte("\r\n"))
		r := s.build()
		served := make(chan receivedRequest, 8)
		dials := 0
		c := NewClient(ClientConfig{Allow: anywhere, Dial: func(context.Context, string, string) (net.Conn, error) {
			if dials++; dials > 1 {
				return nil, errors.New("once is enough")
			}
			here, there := net.Pipe()
			_ = there.SetDeadline(time.Now().Add(20 * time.Second))
			go func() { served <- answerOnce(there, answer) }()
			return here, nil
		}})
		defer c.Close()
		if c.Check(context.Background(), r) != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		ends := make(chan error, 2)
		x := c.Start(ctx, r, Options{}, func(_ *http.Response, err error) { ends <- err })
		if err := wasiio.Wait(ctx, x.Ready()); err != nil {
			t.Fatal(err)
		}
		resp, err := x.Result()
		if err == nil {
			readAnswer(ctx, t, resp, len(answer))
		} else if !errors.As(err, new(*Error)) {
			t.Fatalf("%T %v", err, err)
		}
		x.Cancel()
		<-ends
		if dials == 0 {
			return
		}
		s.check(t, <-served)
	})
}

// readAnswer reads an answer as a guest does.
func readAnswer(ctx context.Context, t *testing.T, resp *IncomingResponse, most int) {
	t.Helper()
	clean := func(fs *Fields) {
		for _, f := range fs.Entries() {
			if !validName(f.Name) || f.Name != strings.ToLower(f.Name) || !validValue(f.Value) || hiddenField(f.Name) {
				t.Fatalf("field %+v", f)
			}
		}
	}
	if n := resp.Status(); n < 100 || n > 999 {
		t.Fatalf("status %d", n)
	}
	clean(resp.Headers())
	b := resp.Body()
	in := b.Stream()
	buf := make([]byte, 1024)
	for total := 0; ; {
		n, err := wasiio.BlockingRead(ctx, in, buf)
		if total += n; total > most {
			t.Fatalf("a body of %d bytes in an answer of %d", total, most)
		}
		if err != nil {
			break
		}
	}
	b.Finish()
	if fs, err := b.Trailers(ctx); err == nil && fs != nil {
		clean(fs)
	}
	_ = in.Close()
	_ = b.Close()
}

// sentTarget is the target for a path with query: the same bytes, or / if the path is empty (RFC 9112 §3.2.1).
func sentTarget(path string) string {
	if path == "" || path[0] == '?' {
		return "/" + path
	}
	return path
}

// check compares the received request with the script.
func (s *requestScript) check(t *testing.T, got receivedRequest) {
	t.Helper()
	if got.head != "\r\n\r\n" && !headRE.MatchString(got.head) {
		if s.broken && got.req == nil {
			return // cut short
		}
		t.Fatalf("head %q", got.head)
	}
	if got.req == nil {
		return
	}
	r := got.req
	if r.Method != s.method || r.Host == "" || got.rest > 0 {
		t.Fatalf("sent %s to %q with %d bytes behind it: %+v", r.Method, r.Host, got.rest, s)
	}
	if want := sentTarget(s.path); r.RequestURI != want {
		t.Fatalf("path %q became %q", s.path, r.RequestURI)
	}
	if !strings.HasPrefix(s.body, got.body) || got.whole && !s.broken && got.body != s.body {
		t.Fatalf("body %q became %q", s.body, got.body)
	}
	if got.whole && s.broken && r.ContentLength < 0 {
		t.Fatalf("a body that was broken off is whole: %q", got.head)
	}
	if n := len(r.Header["Content-Length"]); n > 1 || n == 1 && len(r.TransferEncoding) > 0 {
		t.Fatalf("lengths in %q", got.head)
	}
	given := func(fs []Field, name, value string) bool {
		return slices.ContainsFunc(fs, func(f Field) bool {
			return http.CanonicalHeaderKey(f.Name) == name && strings.Trim(f.Value, " \t") == strings.Trim(value, " \t")
		})
	}
	for name, values := range r.Header {
		for _, v := range values {
			switch name {
			case "Content-Length", "Connection":
				continue
			}
			if !given(s.fields, name, v) {
				t.Fatalf("field %s: %q, of %+v", name, v, s.fields)
			}
		}
	}
	for name, values := range r.Trailer {
		for _, v := range values {
			if !given(s.trailers, name, v) || framingField(strings.ToLower(name)) {
				t.Fatalf("trailer %s: %q, of %+v", name, v, s.trailers)
			}
		}
	}
}

// TestInvalidAnswers: responses that net/http accepts and a guest must not get.
func TestInvalidAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		code   Code    // 0: an answer
		fields []Field // of the answer
	}{
		"status below 100":        {"HTTP/1.1 099 x\r\n\r\n", ProtocolError, nil},
		"status zero":             {"HTTP/1.1 000 x\r\n\r\n", ProtocolError, nil},
		"space in a name":         {"HTTP/1.1 204 x\r\na b: c\r\nd: e\r\n\r\n", 0, []Field{{"d", "e"}}},
		"control byte in a value": {"HTTP/1.1 204 x\r\na: \x01\r\nd: e\r\n\r\n", ProtocolError, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := NewClient(ClientConfig{Allow: anywhere, Dial: func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				go answerOnce(there, []byte(c.answer))
				return here, nil
			}})
			defer client.Close()
			x, _ := begin(t, client, request(t, "GET", "http://h/"), Options{})
			resp, err := result(t, x)
			var e *Error
			if c.code != 0 {
				if !errors.As(err, &e) || e.Code != c.code {
					t.Errorf("got %v, want %v", err, c.code)
				}
				return
			}
			if err != nil || !slices.Equal(resp.Headers().Entries(), c.fields) {
				t.Errorf("got %v, %v", resp, err)
			}
		})
	}
}
