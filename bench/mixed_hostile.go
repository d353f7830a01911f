package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// hostile are the visits of a hostile client, in turn, each with its expected outcome.
var hostile = []visit{
	status("spins until its deadline", "/spin", nil, http.StatusGatewayTimeout),
	status("works until its fuel is spent", "/count", make([]byte, 2<<20), http.StatusInternalServerError),
	status("allocates without end", "/alloc", nil, http.StatusInternalServerError),
	status("panics", "/panic", nil, http.StatusInternalServerError),
	status("traps", "/trap", nil, http.StatusInternalServerError),
	status("says an internal error", "/error", nil, http.StatusInternalServerError),
	status("gives no answer", "/noresponse", nil, http.StatusInternalServerError),
	status("traps in the third guest", "/total?items=13", nil, http.StatusInternalServerError),
	status("answers with a status that is none", "/status?code=99", nil, http.StatusInternalServerError),
	status("fetches what was not granted", "/fetch?url=http://192.0.2.1/", nil, http.StatusBadGateway),
	status("sends a body over the limit", "/copy", make([]byte, 128<<10), http.StatusRequestEntityTooLarge),
	{"sends an endless body in chunks", 1, (*visitor).endless},
	{"sends a head over the limit", 1, (*visitor).bigHead},
	{"breaks its answer off", 1, (*visitor).broken},
	{"leaves in mid-stream", 1, (*visitor).leave},
	{"leaves in mid-upload", 1, (*visitor).leaveUpload},
	{"speaks no HTTP", 1, (*visitor).garbage},
	{"sends half a head", 1, (*visitor).halfHead},
	{"asks for more than may wait", 1, (*visitor).burst},
}

// status is a visit of which only the status is checked.
func status(name, path string, body []byte, want ...int) visit {
	return visit{name, 1, func(v *visitor) error {
		resp, got, err := v.roundTrip(path, body)
		if err != nil {
			return err
		}
		for _, w := range want {
			if resp.StatusCode == w {
				return nil
			}
		}
		return fmt.Errorf("status %d with %.80q, want %v", resp.StatusCode, got, want)
	}}
}

// raw sends text on a new connection and returns the connection and its reader.
func (v *visitor) raw(text string) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", v.host)
	if err != nil {
		return nil, nil, err
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = io.WriteString(c, strings.ReplaceAll(text, "HOST", v.host))
	return c, bufio.NewReader(c), err
}

// rawStatus sends text and checks the prefix of the status line; with an empty want, a closed connection passes as well.
func (v *visitor) rawStatus(text string, want string) error {
	c, r, err := v.raw(text)
	if err != nil {
		if c != nil {
			c.Close()
		}
		return err
	}
	defer c.Close()
	line, err := r.ReadString('\n')
	if !strings.HasPrefix(line, want) {
		return fmt.Errorf("answer %.80q (%v), want %s", line, err, want)
	}
	return nil
}

func (v *visitor) bigHead() error {
	return v.rawStatus("GET /copy HTTP/1.1\r\nHost: HOST\r\nX-Big: "+strings.Repeat("x", 32<<10)+"\r\n\r\n", "HTTP/1.1 431")
}

func (v *visitor) garbage() error {
	return v.rawStatus("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 nothing of this is HTTP\r\n\r\n", "HTTP/1.1 400")
}

// endless sends a body without a length that is over the limit: the response is 413, or the transfer breaks.
func (v *visitor) endless() error {
	req, err := http.NewRequest(http.MethodPost, v.base+"/copy", io.MultiReader(bytes.NewReader(make([]byte, 256<<10)), strings.NewReader("x")))
	if err != nil {
		return err
	}
	req.ContentLength = -1
	resp, err := v.client.Do(req)
	if err != nil {
		return nil // the server closed the connection while the body was being sent
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusRequestEntityTooLarge && err == nil && n > 64<<10 {
		return fmt.Errorf("status %d and %d bytes came back, the limit is 64 KiB", resp.StatusCode, n)
	}
	return nil
}

// broken expects a response whose body is truncated, and not ended cleanly.
func (v *visitor) broken() error {
	resp, got, err := v.roundTrip("/abort", nil)
	switch {
	case err == nil:
		return fmt.Errorf("status %d and a clean end after %q", resp.StatusCode, got)
	case errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "EOF"), strings.Contains(err.Error(), "reset"):
		return nil
	}
	return err
}

func (v *visitor) leave() error {
	c, r, err := v.raw("GET /chunks?n=1000&ms=5 HTTP/1.1\r\nHost: HOST\r\n\r\n")
	if err != nil {
		return err
	}
	defer c.Close()
	if line, err := r.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 200") {
		return fmt.Errorf("answer %.80q (%v), want 200", line, err)
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "chunk 3") {
			return nil
		}
	}
}

func (v *visitor) leaveUpload() error {
	c, _, err := v.raw("POST /echo HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100_000))
	if err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	return c.Close()
}

func (v *visitor) halfHead() error {
	c, _, err := v.raw("GET /hello HTTP/1.1\r\nHost: HO")
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	return c.Close()
}

// burst sends eight requests at once where two may run and two may wait: each succeeds, or is refused with Retry-After.
func (v *visitor) burst() error {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			resp, got, err := v.roundTrip("/sleep?ms=100", nil)
			switch {
			case err != nil:
				errs[i] = err
			case resp.StatusCode == http.StatusOK && bytes.HasPrefix(got, []byte("slept ")):
			case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
			default:
				errs[i] = fmt.Errorf("status %d with %.80q, want 200 or 503 with Retry-After", resp.StatusCode, got)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
