package http

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// unclearHeads are heads that say more than once where their bodies end.
var unclearHeads = map[string]string{
	"both lengths":              "POST /a HTTP/1.1\nHost: h\nContent-Length: 3\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n",
	"both, the other way round": "POST /a HTTP/1.1\nHost: h\ntransfer-encoding: Chunked\ncontent-length: 3\n\n1\nx\n0\n\n",
	"both, and nothing to read": "POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 0\n\n0\n\n",
	"the same length twice":     "POST /a HTTP/1.1\nHost: h\nContent-Length: 1\nContent-Length: 1\n\nx",
	"no length, twice":          "GET /a HTTP/1.1\nHost: h\nContent-Length: 0\nContent-Length: 0\n\n",
	"chunks of an old client":   "POST /a HTTP/1.0\nHost: h\nConnection: keep-alive\nTransfer-Encoding: chunked\nContent-Length: 1\n\nx",
	"a length of another line":  "POST /a HTTP/1.1\nHost: h\nContent-Length:\n 1\n\nx",
}

// clearHeads are requests after which a connection is used on.
var clearHeads = map[string]string{
	"nothing":        "GET /a HTTP/1.1\nHost: h\n\n",
	"a length":       "POST /a HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello",
	"chunks":         "POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n5;x=y\nhello\n00\nX-T: 1\n\n",
	"lengths inside": "POST /a HTTP/1.1\nHost: h\nContent-Length: 68\n\nContent-Length: 1\n\nContent-Length: 1\nTransfer-Encoding: chunked\n",
	"chunks inside":  "POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n28\nContent-Length: 1\nContent-Length: 2\n\n\n0\n\n",
	"a long line":    "GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\nHost: h\nX: " + strings.Repeat("Content-Length: 1 ", 300) + "\n\n",
}

// TestUnclearFraming: an answer to a head that says twice where its body ends is the last of its connection, also where
// requests were sent ahead; others leave it as it is.
func TestUnclearFraming(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if in.PathWithQuery() == "/smuggled" {
			t.Error("the request behind it is seen")
		}
		in.Body().Finish()
		if _, err := in.Body().Trailers(ctx); err != nil {
			return err
		}
		return text(ctx, out, 200, "seen")
	})
	const last, behind = "GET /last HTTP/1.1\nHost: h\nConnection: close\n\n", "GET /smuggled HTTP/1.1\nHost: h\nConnection: close\n\n"
	for name, head := range unclearHeads {
		for what, before := range map[string]string{"alone": "", "behind another": clearHeads["chunks"]} {
			_, r := raw(t, f, before+head+behind)
			all, err := io.ReadAll(r)
			if n := strings.Count(string(all), "HTTP/1.1 200 OK\r\n") + strings.Count(string(all), "HTTP/1.0 200 OK\r\n"); err != nil || n != 1 || !strings.Contains(string(all), "Connection: close\r\n") {
				t.Errorf("%s, %s: %d answers in %q, %v", name, what, n, all, err)
			}
		}
	}
	for name, head := range clearHeads {
		_, r := raw(t, f, head+head+last)
		if all, err := io.ReadAll(r); err != nil || strings.Count(string(all), "HTTP/1.1 200 OK\r\n") != 3 {
			t.Errorf("%s: %q, %v", name, all, err)
		}
	}
}

// TestFramingInPieces: it makes no difference how the bytes come.
func TestFramingInPieces(t *testing.T) {
	see := func(s string, pieces bool) bool {
		var f framing
		for p := []byte(strings.ReplaceAll(s, "\n", "\r\n")); len(p) > 0; {
			n := len(p)
			if pieces {
				n = 1 + rand.IntN(min(n, 7))
			}
			f.observe(p[:n])
			p = p[n:]
		}
		return f.ambiguous.Load()
	}
	for name, s := range unclearHeads {
		for range 20 {
			if !see(s, true) || !see(s, false) || !see(clearHeads["a length"]+clearHeads["chunks"]+s, true) {
				t.Fatalf("%s goes unseen", name)
			}
		}
	}
	for name, s := range clearHeads {
		for range 20 {
			if see(s+s+clearHeads["chunks"]+s, true) || see(s+s, false) {
				t.Fatalf("%s is taken for unclear", name)
			}
		}
	}
}

// TestHeadsOfHTTP2: what HTTP/1 does not let through, HTTP/2 does not either.
func TestHeadsOfHTTP2(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, in.Authority())
	})
	type fields = []string
	good := func(more ...string) fields {
		return append(fields{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/"}, more...)
	}
	with := func(name, value string) fields {
		all := good()
		for i := 0; i < len(all); i += 2 {
			if all[i] == name {
				all[i+1] = value
			}
		}
		return all
	}
	without := func(name string) (left fields) {
		for i, all := 0, good(); i < len(all); i += 2 {
			if all[i] != name {
				left = append(left, all[i], all[i+1])
			}
		}
		return left
	}
	for name, c := range map[string]struct {
		fields fields
		want   string // 200; REFUSED: by status, or by a reset of stream or connection
	}{
		"good":                         {good(), "200"},
		"good, with a host":            {good("host", "h"), "200"},
		"good, a host alone":           {append(without(":authority"), "host", "h"), "200"},
		"good, trailers":               {good("te", "trailers"), "200"},
		"a port":                       {with(":authority", "h:80"), "200"},
		"an address":                   {with(":authority", "[::1]:80"), "200"},
		"a request in the method":      {with(":method", "GET / HTTP/1.1"), "REFUSED"},
		"lines in the method":          {with(":method", "GET\r\nX: y"), "REFUSED"},
		"no method":                    {without(":method"), "REFUSED"},
		"two methods":                  {append(fields{":method", "GET"}, good()...), "REFUSED"},
		"no path":                      {without(":path"), "REFUSED"},
		"an empty path":                {with(":path", ""), "REFUSED"},
		"a path without a slash":       {with(":path", "a"), "REFUSED"},
		"a path that is a URL":         {with(":path", "http://h/"), "REFUSED"},
		"a space in the path":          {with(":path", "/a b"), "REFUSED"},
		"a request in the path":        {with(":path", "/ HTTP/1.1\r\nX: y"), "REFUSED"},
		"an asterisk":                  {with(":path", "*"), "REFUSED"},
		"no scheme":                    {without(":scheme"), "REFUSED"},
		"another scheme":               {with(":scheme", "ftp"), "REFUSED"},
		"two authorities":              {append(fields{":authority", "h"}, good()...), "REFUSED"},
		"no authority":                 {without(":authority"), "REFUSED"},
		"a path in the authority":      {with(":authority", "h/../x?y"), "REFUSED"},
		"a query in the authority":     {with(":authority", "h?y"), "REFUSED"},
		"a user":                       {with(":authority", "u@h"), "REFUSED"},
		"a user with a password":       {with(":authority", "u:p@h"), "REFUSED"},
		"a space in the authority":     {with(":authority", "h x"), "REFUSED"},
		"lines in the authority":       {with(":authority", "h\r\nX: y"), "REFUSED"},
		"another host":                 {good("host", "other"), "REFUSED"},
		"two hosts":                    {good("host", "h", "host", "h"), "REFUSED"},
		"two hosts and no authority":   {append(without(":authority"), "host", "h", "host", "x"), "REFUSED"},
		"connection":                   {good("connection", "close"), "REFUSED"},
		"keep-alive":                   {good("keep-alive", "1"), "REFUSED"},
		"proxy-connection":             {good("proxy-connection", "x"), "REFUSED"},
		"transfer-encoding":            {good("transfer-encoding", "chunked"), "REFUSED"},
		"upgrade":                      {good("upgrade", "h2c"), "REFUSED"},
		"te":                           {good("te", "gzip"), "REFUSED"},
		"an unknown pseudo-header":     {append(fields{":x", "y"}, good()...), "REFUSED"},
		"a late pseudo-header":         {append(without(":path"), "x", "y", ":path", "/"), "REFUSED"},
		"upper case":                   {good("X-Upper", "y"), "REFUSED"},
		"a space in a name":            {good("x y", "z"), "REFUSED"},
		"lines in a value":             {good("x", "y\r\nz: a"), "REFUSED"},
		"space around a value":         {good("x", " y"), "REFUSED"},
		"no length":                    {good("content-length", "0"), "200"},
		"a length and no body":         {good("content-length", "3"), "REFUSED"},
		"a length that is none":        {good("content-length", "x"), "REFUSED"},
		"a length with a sign":         {good("content-length", "+0"), "REFUSED"},
		"two lengths":                  {good("content-length", "0", "content-length", "0"), "REFUSED"},
		"a connect that is a request":  {with(":method", "CONNECT"), "REFUSED"},
		"a protocol without a connect": {append(good(), ":protocol", "websocket"), "REFUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := speakFrames(t, f.Addr(), 65535)
			conn.request(1, true, c.fields...)
			got := conn.status(1)
			switch c.want {
			case "200":
				if got != "200" {
					t.Errorf("got %s", got)
				}
			default:
				if strings.HasPrefix(got, "2") {
					t.Errorf("a guest has answered: %s", got)
				}
			}
		})
	}
}
