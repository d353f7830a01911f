package http

import (
	"strconv"
	"strings"
	"testing"
)

// FuzzDestination: a guest's target and authority are sent as one request line and one host, whatever their bytes.
func FuzzDestination(f *testing.F) {
	for _, s := range [][2]string{{"example.com", "/a?b"}, {"[::1]:80", "//x"}, {"a:b@c", "?"}, {"h", "/%2f/../.."}, {"h:1", "*"}, {"%41", "/%"}, {"h#", "/\r\n"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, authority, target string) {
		r := NewOutgoingRequest(NewFields())
		_ = r.SetScheme("http")
		badAuthority := r.SetAuthority(authority)
		_ = r.SetPathWithQuery(target)
		u := r.URL()
		if line := u.RequestURI(); strings.ContainsAny(line, " \r\n\t\x00#") {
			t.Errorf("%q is sent as %q", target, line)
		}
		if badAuthority != nil {
			return
		}
		if _, host, port, err := r.check(); err == nil {
			if host == "" || port == "" || strings.ContainsAny(host, "/@?#\r\n ") || u.User != nil {
				t.Errorf("%q is host %q, port %q", authority, host, port)
			}
		}
	})
}

func TestUserInfoIsRefused(t *testing.T) {
	r := NewOutgoingRequest(NewFields())
	if err := r.SetAuthority("me:secret@h:1"); err != nil {
		t.Fatal(err)
	}
	if u := r.URL(); u.Host != "h:1" || u.User == nil || strings.Contains(u.Redacted(), "secret") {
		t.Errorf("got host %q, %s", u.Host, u.Redacted())
	}
	if _, _, _, err := r.check(); err == nil || err.Code != RequestURIInvalid {
		t.Errorf("check: %v", err)
	}
}

func FuzzFields(f *testing.F) {
	f.Add("x-a", "1")
	f.Add("Content-Length", "99999999999999999999")
	f.Add("content-length", "+3")
	f.Add("content-length", " 3\t")
	f.Add("a\r\nb", "c\r\nd")
	f.Fuzz(func(t *testing.T, name, value string) {
		h := NewFields()
		if h.Append(name, value) != nil {
			if len(h.Entries()) > 0 {
				t.Errorf("%q: %q was refused and is there", name, value)
			}
			return
		}
		n, sent := contentLength(h), h.Header()
		if strings.EqualFold(name, "content-length") {
			if v := sent["Content-Length"]; n < -1 || n == -1 && v != nil || n >= 0 && (len(v) != 1 || v[0] != strconv.FormatInt(n, 10)) {
				t.Errorf("%q has length %d and became %v", value, n, sent)
			}
			return
		}
		if strings.ContainsAny(name+value, "\r\n\x00") || len(h.Get(name)) != 1 || len(sent) != 1 {
			t.Errorf("%q: %q became %v", name, value, sent)
		}
	})
}
