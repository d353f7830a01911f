package workload

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParseHTTP(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"*", "*"},
		{"https://api.example.com", "https://api.example.com"},
		{"HTTPS://API.example.com/", "https://api.example.com"},
		{"https://api.example.com:443", "https://api.example.com"},
		{"http://127.0.0.1:9000", "http://127.0.0.1:9000"},
		{"http://*:*", "http://*:*"},
		{"http://*.example.com", "http://*.example.com"},
		{"http://[::1]:80", "http://[::1]"},
		{"h2c://a", "h2c://a"},
		{"H2C://A:50051", "h2c://a:50051"},
	} {
		p, err := ParseHTTP(c.in)
		if err != nil || p.String() != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.in, p, err, c.want)
		}
	}
	for in, why := range map[string]string{
		"":                            "no scheme",
		"api.example.com":             "no scheme",
		"ftp://x":                     "none of http, https and h2c",
		"http://":                     "no host",
		"http://x/path":               "no path",
		"http://me@x":                 "user",
		"http://x:http":               "no port",
		"http://x:99999":              "no port",
		"http://x:":                   "no port",
		"http://a*b":                  "stands for a whole host",
		"http://*b":                   "stands for a whole host",
		"http://::1":                  "brackets",
		"http://[::1":                 "] is missing",
		"http://[1.2.3.4]:80":         "no IPv6",
		"http://[::1]80":              "after ]",
		"http://api.example.com?q=1#": "no path, query",
	} {
		if _, err := ParseHTTP(in); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %v, want %q", in, err, why)
		}
	}
}

func TestAllowsHTTP(t *testing.T) {
	for _, c := range []struct {
		grant, scheme, host, port string
		want                      bool
	}{
		{"*", "https", "a", "1", true},
		{"http://a", "http", "a", "80", true},
		{"http://a", "http", "A.", "80", true},
		{"http://a", "https", "a", "80", false},
		{"http://a", "http", "a", "81", false},
		{"http://a:*", "http", "a", "81", true},
		{"http://a", "http", "b.a", "80", false},
		{"http://*.a", "http", "b.a", "80", true},
		{"http://*.a", "http", "a", "80", false},
		{"http://*.a", "http", ".a", "80", false},
		{"http://*", "http", "x", "80", true},
		{"http://[::1]", "http", "0:0:0:0:0:0:0:1", "80", true},
		{"http://127.0.0.1", "http", "127.0.0.1.evil.com", "80", false},
		{"h2c://a:50051", "http", "a", "50051", true},
		{"h2c://a:50051", "https", "a", "50051", false},
		{"h2c://a:50051", "h2c", "a", "50051", false},
		{"no grant", "http", "a", "80", false},
	} {
		if got := (Grants{HTTP: []string{c.grant}}).AllowsHTTP(c.scheme, c.host, c.port); got != c.want {
			t.Errorf("%s on %s://%s:%s: got %v", c.grant, c.scheme, c.host, c.port, got)
		}
	}
}

// TestPriorKnowledge: only what a grant of h2c names is known to speak HTTP/2.
func TestPriorKnowledge(t *testing.T) {
	for grant, want := range map[string]bool{"h2c://a:1": true, "h2c://*:*": true, "h2c://a:2": false, "h2c://b:1": false, "http://a:1": false, "*": false} {
		p, err := ParseHTTP(grant)
		if got := p.PriorKnowledge("a", "1"); got != want || err != nil {
			t.Errorf("%s: %t, %v", grant, got, err)
		}
	}
	if got := (Grants{HTTP: []string{"h2c://price.internal"}}).Internal(); len(got) != 1 || got[0] != "price" {
		t.Errorf("components: %q", got)
	}
}

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in, host, port string
		want           bool
	}{
		{"*", "1.2.3.4", "5", true},
		{"127.0.0.1:5432", "127.0.0.1", "5432", true},
		{"127.0.0.1:5432", "127.0.0.1", "5433", false},
		{"127.0.0.1:*", "127.0.0.1", "1", true},
		{"*:53", "9.9.9.9", "53", true},
		{"[::1]:80", "::1", "80", true},
		{"127.0.0.1:80", "::ffff:127.0.0.1", "80", true},
		{"db.local:80", "DB.local", "80", true},
	} {
		a, err := ParseAddress(c.in)
		if err != nil || a.Allows(c.host, c.port) != c.want {
			t.Errorf("%s on %s:%s: got %v, %v", c.in, c.host, c.port, !c.want, err)
		}
	}
	for _, in := range []string{"", "127.0.0.1", "127.0.0.1:", ":80", "::1:80", "a b:80", "*.x:80", "h:080", "h:-1"} {
		if a, err := ParseAddress(in); err == nil {
			t.Errorf("%q was read as %v", in, a)
		}
	}
}

func TestParseFile(t *testing.T) {
	for in, want := range map[string]FileGrant{
		"d":           {Host: "d", Guest: "d"},
		"d:ro":        {Host: "d", Guest: "d", ReadOnly: true},
		"d::.":        {Host: "d", Guest: "."},
		"/a/b::/d":    {Host: "/a/b", Guest: "/d"},
		"/a/b::/d:ro": {Host: "/a/b", Guest: "/d", ReadOnly: true},
		"./a/::/d/":   {Host: "./a/", Guest: "/d"},

		`C:\data::/data`:    {Host: `C:\data`, Guest: "/data"},
		`C:\data::/data:ro`: {Host: `C:\data`, Guest: "/data", ReadOnly: true},
		`C:/data`:           {Host: `C:/data`, Guest: "C:/data"},
		`C:\::/`:            {Host: `C:\`, Guest: "/"},
		`C:::/c`:            {Host: `C:`, Guest: "/c"},
		`\\server\share::s`: {Host: `\\server\share`, Guest: "s"},
	} {
		if got, err := ParseFile(in); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", in, got, err)
		}
	}
	if f, err := ParseFile(filepath.Join("a", "b") + ":ro"); err != nil || f.Guest != "a/b" || f.Host != filepath.Join("a", "b") {
		t.Errorf("a folder of this system: %+v, %v", f, err)
	}
	for _, in := range []string{"", ":ro", "::x", "x::"} {
		if got, err := ParseFile(in); err == nil {
			t.Errorf("%q was read as %+v", in, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]uint64{
		"1": 1, "64Mi": 64 << 20, "64MiB": 64 << 20, "64M": 64e6, "64MB": 64e6, "50000000": 50000000, "2Gi": 2 << 30, "500k": 500e3, "3B": 3,
	} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "Mi", "1.5Gi", "64 Mi", "64mib", "99999999Ti", "99999999999999999999", "0x10"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("%q was read as %d", in, got)
		}
	}
	for _, n := range []uint64{1, 1024, 64 << 20, 1000, 3 << 40} {
		if got, err := ParseSize(FormatSize(n)); err != nil || got != n {
			t.Errorf("%d is spelled %s, read as %d, %v", n, FormatSize(n), got, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	if d, err := ParseDuration("1m30s"); err != nil || d.Seconds() != 90 {
		t.Errorf("got %v, %v", d, err)
	}
	for _, in := range []string{"", "0s", "-1s", "30", "soon"} {
		if d, err := ParseDuration(in); err == nil {
			t.Errorf("%q was read as %v", in, d)
		}
	}
}
