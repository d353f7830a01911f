package redact

import (
	"net/url"
	"strings"
	"testing"
)

func TestQuery(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"empty":               {"", ""},
		"nothing listed":      {"items=13&x=%20", "items=13&x=%20"},
		"listed":              {"a=1&token=s3cr3t&b=2", "a=1&token=REDACTED&b=2"},
		"case and dash":       {"X-Amz-Signature=s3cr3t", "X-Amz-Signature=REDACTED"},
		"escaped name":        {"%74oken=s3cr3t", "%74oken=REDACTED"},
		"brackets":            {"user[password]=s3cr3t", "user[password]=REDACTED"},
		"suffix":              {"my_api_key=s3cr3t;b", "my_api_key=REDACTED;b"},
		"no value":            {"token&b=2", "token&b=2"},
		"url in a value":      {"url=http://h/x%3Ftoken%3Ds3cr3t", "url=http%3A%2F%2Fh%2Fx%3Ftoken%3DREDACTED"},
		"userinfo in a value": {"url=http://u:s3cr3t@h/&a=b", "url=http%3A%2F%2FREDACTED%40h%2F&a=b"},
		"encoded but plain":   {"url=http%3A%2F%2Fh%2F%3Fa%3Db", "url=http%3A%2F%2Fh%2F%3Fa%3Db"},
		"several":             {"sig=s3cr3t&sig=s3cr3t&", "sig=REDACTED&sig=REDACTED&"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Query(tc.in); got != tc.want {
				t.Errorf("Query(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":       {"http://a.example/x?y=1", "http://a.example/x?y=1"},
		"credentials": {"https://bob:s3cr3t@a.example/", "https://REDACTED:REDACTED@a.example/"},
		"user only":   {"https://s3cr3t@a.example/", "https://REDACTED@a.example/"},
		"query":       {"https://a.example/?key=s3cr3t#s3cr3t", "https://a.example/?key=REDACTED"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := URL(u); got != tc.want {
				t.Errorf("URL(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, in := range []string{
		`Get "https://bob:s3cr3t@a.example/": refused`,
		`Get "https://a.example/?token=s3cr3t": refused`,
		"bad header authorization: Bearer s3cr3t-value",
		"refused bearer s3cr3t-value",
		"password=s3cr3t",
		`Get "https://a.example/?x=1&code=s3cr3t": refused`,
	} {
		if got := Text(in); strings.Contains(got, "s3cr3t") {
			t.Errorf("Text(%q) = %q", in, got)
		}
	}
	if in := "trap: unreachable: at main.go:3"; Text(in) != in {
		t.Errorf("Text(%q) = %q", in, Text(in))
	}
}
