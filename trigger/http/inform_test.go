package http

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// hints sends two informational answers, then text; it reads the body first if there is one.
func hints(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	for _, link := range []string{"</a>", "</b>"} {
		h := wasihttp.NewFields()
		if err := h.Append("link", link); err != nil {
			return err
		}
		if err := out.Inform(ctx, http.StatusEarlyHints, h); err != nil {
			return err
		}
	}
	return text(ctx, out, 200, "final")
}

func TestInformationalAnswers(t *testing.T) {
	f := start(t, Config{}, nil, hints)
	protocols(t, func(t *testing.T, c *http.Client) {
		var got []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				got = append(got, fmt.Sprint(code, h["Link"]))
				return nil
			},
		})
		r, err := http.NewRequestWithContext(ctx, "GET", f.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if string(b) != "final" || err != nil || resp.StatusCode != 200 || resp.Header["Link"] != nil {
			t.Errorf("%d %q %v, %v", resp.StatusCode, b, resp.Header, err)
		}
		if want := []string{"103 [</a>]", "103 [</b>]"}; !slices.Equal(got, want) {
			t.Errorf("before it came %q, want %q", got, want)
		}
	})
}

// TestContinueIsSaidOnce: a guest that says 100 itself and one that lets the host say it look the same to a client.
func TestContinueIsSaidOnce(t *testing.T) {
	for name, inform := range map[string]bool{"guest": true, "host": false} {
		t.Run(name, func(t *testing.T) {
			f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				if inform {
					if err := out.Inform(ctx, http.StatusContinue, wasihttp.NewFields()); err != nil {
						return err
					}
				}
				return echo(ctx, in, out)
			})
			c, r := raw(t, f, "POST / HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 4\nConnection: close\n\n")
			first, err := r.ReadString('\n')
			if err != nil || first != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("%q, %v", first, err)
			}
			if _, err := io.WriteString(c, "body"); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(r)
			if err != nil || strings.Contains(string(rest), "100 Continue") || !strings.HasPrefix(string(rest), "\r\nHTTP/1.1 200 OK\r\n") || !strings.Contains(string(rest), "body") {
				t.Errorf("then %q, %v", rest, err)
			}
		})
	}
}

// TestOldClientsAreNotInformed: HTTP/1.0 knows no answers of status 1xx.
func TestOldClientsAreNotInformed(t *testing.T) {
	f := start(t, Config{}, nil, hints)
	_, r := raw(t, f, "GET / HTTP/1.0\n\n")
	b, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.0 200 OK\r\n") {
		t.Errorf("%q, %v", b, err)
	}
}
