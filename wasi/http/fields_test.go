package http

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestFieldsAppend(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        error
	}{
		{"x-a", "1", nil},
		{"X-A", "", nil},
		{"x!#$%&'*+-.^_`|~9", "v", nil},
		{"x-a", "tab\tand \xff", nil},
		{"te", "trailers", nil},
		{"", "v", ErrInvalidSyntax},
		{"a b", "v", ErrInvalidSyntax},
		{"a:", "v", ErrInvalidSyntax},
		{"ä", "v", ErrInvalidSyntax},
		{"x-a", "a\r\nx-b: 1", ErrInvalidSyntax},
		{"x-a", "a\x00", ErrInvalidSyntax},
		{"x-a", "\x7f", ErrInvalidSyntax},
		{"Host", "h", ErrForbidden},
		{"connection", "close", ErrForbidden},
		{"Keep-Alive", "5", ErrForbidden},
		{"transfer-encoding", "chunked", ErrForbidden},
		{"upgrade", "x", ErrForbidden},
		{"proxy-connection", "x", ErrForbidden},
		{"proxy-authorization", "x", ErrForbidden},
		{"http2-settings", "x", ErrForbidden},
		{"x-large", strings.Repeat("x", MaxFields), ErrFieldsSize},
	} {
		f := NewFields()
		if err := f.Append(c.name, c.value); !errors.Is(err, c.want) {
			t.Errorf("append %q: %.40q: got %v, want %v", c.name, c.value, err, c.want)
		}
		if err := f.Set(c.name, []string{"ok", c.value}); !errors.Is(err, c.want) {
			t.Errorf("set %q: %.40q: got %v, want %v", c.name, c.value, err, c.want)
		}
		if c.want != nil && len(f.Entries()) > 0 {
			t.Errorf("%q: a refused field is there", c.name)
		}
	}
}

func TestFieldsKeepOrderAndCase(t *testing.T) {
	f := NewFields()
	for _, e := range [][2]string{{"X-B", "1"}, {"x-a", "2"}, {"x-b", "3"}} {
		if err := f.Append(e[0], e[1]); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.Get("x-B"); len(got) != 2 || got[0] != "1" || got[1] != "3" {
		t.Errorf("get: %q", got)
	}
	if !f.Has("X-A") || f.Has("x-c") || f.Has("not a name") || f.Get("x-c") != nil {
		t.Error("has and get disagree with what is there")
	}
	if f.Entries()[0].Name != "X-B" {
		t.Errorf("entries: %v", f.Entries())
	}
	c := f.Clone()
	if err := c.Set("x-b", []string{"4"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete("X-A"); err != nil || c.Has("x-a") {
		t.Errorf("delete: %v", err)
	}
	if len(c.Entries()) != 1 || len(f.Entries()) != 3 {
		t.Errorf("a clone is not a copy: %v and %v", c.Entries(), f.Entries())
	}
	if err := c.Delete("no name"); !errors.Is(err, ErrInvalidSyntax) {
		t.Errorf("delete of no name: %v", err)
	}
}

func TestFieldsSizeIsGivenBack(t *testing.T) {
	f := NewFields()
	half := strings.Repeat("x", MaxFields*2/3)
	for range 10 {
		if err := f.Set("x-a", []string{half}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Append("x-b", half); !errors.Is(err, ErrFieldsSize) {
		t.Errorf("two thirds twice: %v", err)
	}
	if err := f.Delete("x-a"); err != nil {
		t.Fatal(err)
	}
	if err := f.Append("x-b", half); err != nil {
		t.Error(err)
	}
}

func TestIncomingFields(t *testing.T) {
	f := FieldsFromHeader(http.Header{"X-B": {"1", "2"}, "Accept": {"*"}, "Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "Te": {"trailers"}})
	var got []string
	for _, e := range f.Entries() {
		got = append(got, e.Name+"="+e.Value)
	}
	if s := strings.Join(got, " "); s != "accept=* x-b=1 x-b=2" {
		t.Errorf("got %s", s)
	}
	for what, err := range map[string]error{"set": f.Set("x", nil), "append": f.Append("x", ""), "delete": f.Delete("x-b")} {
		if !errors.Is(err, ErrImmutable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Clone().Append("x", "1"); err != nil {
		t.Errorf("a clone: %v", err)
	}
}

// TestIncomingFieldsCanBeCopied: every field of a received message can be appended to another one.
func TestIncomingFieldsCanBeCopied(t *testing.T) {
	h := http.Header{}
	for _, name := range []string{"Host", "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Transfer-Encoding", "Upgrade", "Http2-Settings", "Te", "Trailer", "Content-Length", "X-A", "Cookie", "Expect", "Via", "Forwarded"} {
		h.Add(name, "1")
	}
	in := FieldsFromHeader(h)
	out := NewFields()
	for _, f := range in.Entries() {
		if err := out.Append(f.Name, f.Value); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	for name := range h {
		if may := NewFields().Append(name, "1") == nil; may != in.Has(name) && name != "Te" {
			t.Errorf("%s: given %v, may be written %v", name, in.Has(name), may)
		}
	}
}

func TestOutgoingRequestSetters(t *testing.T) {
	r := NewOutgoingRequest(NewFields())
	for _, c := range []struct {
		what string
		set  func(string) error
		in   string
		ok   bool
	}{
		{"method", r.SetMethod, "PURGE", true},
		{"method", r.SetMethod, "", false},
		{"method", r.SetMethod, "A B", false},
		{"scheme", r.SetScheme, "HTTPS", true},
		{"scheme", r.SetScheme, "git+ssh", true},
		{"scheme", r.SetScheme, "1x", false},
		{"scheme", r.SetScheme, "a:b", false},
		{"authority", r.SetAuthority, "example.com:8080", true},
		{"authority", r.SetAuthority, "[::1]:80", true},
		{"authority", r.SetAuthority, "a b", false},
		{"authority", r.SetAuthority, "a/b", false},
		{"authority", r.SetAuthority, "a:http", false},
		{"authority", r.SetAuthority, "a:99999", false},
		{"authority", r.SetAuthority, "[::1", false},
		{"authority", r.SetAuthority, "[fe80::1%25eth0]:80", true},
		{"authority", r.SetAuthority, "%ff.example", false},
		{"authority", r.SetAuthority, "%41", false},
		{"authority", r.SetAuthority, "ä.example", false},
		{"path", r.SetPathWithQuery, "/a%2fb?c=d&e", true},
		{"path", r.SetPathWithQuery, "?c", true},
		{"path", r.SetPathWithQuery, "*", true},
		{"path", r.SetPathWithQuery, "", true},
		{"path", r.SetPathWithQuery, "a", false},
		{"path", r.SetPathWithQuery, "/a b", false},
		{"path", r.SetPathWithQuery, "/a\r\n", false},
		{"path", r.SetPathWithQuery, "/%zz", false},
		{"path", r.SetPathWithQuery, "/a#b", false},
		{"path", r.SetPathWithQuery, "/?a#b", false},
		{"path", r.SetPathWithQuery, "/ä", false},
		{"path", r.SetPathWithQuery, "/\xff", false},
		{"path", r.SetPathWithQuery, "/?\x7f", false},
		{"path", r.SetPathWithQuery, "http://h/", false},
		{"path", r.SetPathWithQuery, "//a|b", false}, // net/http cannot send it
		{"path", r.SetPathWithQuery, "/a|b", true},
	} {
		if err := c.set(c.in); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.what, c.in, err)
		}
	}
}

func TestOutgoingURL(t *testing.T) {
	r := NewOutgoingRequest(NewFields())
	_ = r.SetScheme("http")
	_ = r.SetAuthority("h:1")
	for _, p := range []string{"/a%2fb?c=d&e", "/", "/?", "//x/y", "/%41?%zz"} {
		if err := r.SetPathWithQuery(p); err != nil {
			t.Error(err)
		}
		if got := r.URL().RequestURI(); got != p {
			t.Errorf("%q is sent as %q", p, got)
		}
	}
	if err := r.SetPathWithQuery("/a%2Fb|c?d|e"); err != nil || r.sentURL().RequestURI() != "/a%2Fb|c?d|e" || r.URL().String() != "http://h:1/a%2Fb%7Cc?d|e" {
		t.Errorf("sent as %q, told as %s, %v", r.sentURL().RequestURI(), r.URL(), err)
	}
	_ = r.SetPathWithQuery("/%41?%zz")
	if u := r.URL(); u.String() != "http://h:1/%41?%zz" {
		t.Errorf("got %s", u)
	}
}

func TestStatusCodes(t *testing.T) {
	r := NewOutgoingResponse(NewFields())
	for code, ok := range map[int]bool{0: false, 99: false, 100: false, 199: false, 200: true, 599: true, 999: true, 1000: false} {
		if err := r.SetStatus(code); (err == nil) != ok {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestFieldsLimit(t *testing.T) {
	f := Limits{Fields: 100}.NewFields()
	for i, want := range []bool{true, true, false} { // 36 bytes each
		if err := f.Append("x-a", "1"); (err == nil) != want {
			t.Errorf("append %d: %v", i, err)
		}
	}
	if err := f.Clone().Append("x-b", "1"); !errors.Is(err, ErrFieldsSize) || !strings.Contains(err.Error(), "100 bytes") {
		t.Errorf("a clone: %v", err)
	}
	if f.Size() != 72 {
		t.Errorf("size %d", f.Size())
	}
}

// TestOneLengthInDigits: net/http sends any Content-Length, so that an ambiguous one must not reach it.
func TestOneLengthInDigits(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		want   []string
	}{
		"digits":      {[]string{"3"}, []string{"3"}},
		"spaces":      {[]string{" 3\t"}, []string{"3"}},
		"zeroes":      {[]string{"003"}, []string{"3"}},
		"sign":        {[]string{"+3"}, nil},
		"negative":    {[]string{"-3"}, nil},
		"empty":       {[]string{""}, nil},
		"list":        {[]string{"3, 3"}, nil},
		"twice":       {[]string{"3", "3"}, nil},
		"two lengths": {[]string{"3", "5"}, nil},
		"too large":   {[]string{"9223372036854775808"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFields()
			for _, v := range c.values {
				if err := f.Append("content-length", v); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.Header()["Content-Length"]; !slices.Equal(got, c.want) {
				t.Errorf("sent as %q, want %q", got, c.want)
			}
		})
	}
}
