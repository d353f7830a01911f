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

// TestNames: secrets' names are recognised however they are written, and similar words are not.
func TestNames(t *testing.T) {
	everywhere := []string{
		"accessToken", "idtoken", "id_token", "IDToken", "passcode", "oauth_verifier", "SAMLResponse", "jsessionid", "JSESSIONID",
		"PHPSESSID", "ASP.NET_SessionId", "X-Api-Key", "apikey", "apiKey", "APIKey", "API-KEY", "client_secret", "clientSecret",
		"signature", "X-Amz-Signature", "X-Goog-Credential", "AWSAccessKeyId", "auth", "x-auth", "jwt", "session_id", "sessionId",
		"cookie", "Set-Cookie", "bearer", "private_key", "privateKey", "PRIVATE KEY", "connection_string", "ConnectionString",
		"db_password", "dbpassword", "user[password]", "oauth.token", "password2", "passwordHash", "secret_id", "SharedAccessKey",
		"AccountKey", "DB_DSN", "authorization", "Proxy-Authorization", "refreshToken", "csrf_token", "_csrf", "code_verifier",
		"client_assertion", "auth_code", "credentials", "AWS_SECRET_ACCESS_KEY", "%74oken", "token", "sas_token", "subscription-key",
		"Ocp-Apim-Subscription-Key", "verification_code", "hmac", "session_token", "token_id",
	}
	queries := []string{"ticket", "sid", "sig", "otp", "pin", "code", "key", "pass", "session", "user_pin", "login_otp", "db_pass", "SID", "connect.sid"}
	neither := []string{
		"sidebar", "ticketing", "tickets", "tokens_used", "max_tokens", "tokens", "token_type", "tokenizer", "token_count", "expires",
		"session_duration", "sessions", "author", "authority", "authors", "compass", "bypass", "monkey", "keyboard", "primary_key",
		"sort_key", "public_key", "country_code", "status_code", "zipcode", "encode", "design", "assign", "spin", "pinned", "opinion",
		"cookie_name", "cookie_consent", "password_file", "secret_name", "token_url", "auth_method", "signed", "passenger", "secretary",
		"keys", "q", "", "page", "user", "email", "state", "nonce", "error_description", "oauth", "saml", "error.type", "http.status_code",
		"code_challenge_method", "oauth_signature_method", "oauth_timestamp", "item-13", "bucket", "id", "component",
	}
	for _, n := range everywhere {
		if !Secret(n) || !secretParameter(n) {
			t.Errorf("%s is told", n)
		}
	}
	for _, n := range queries {
		if Secret(n) || !secretParameter(n) {
			t.Errorf("%s: a secret everywhere %t, in a query %t", n, Secret(n), secretParameter(n))
		}
	}
	for _, n := range neither {
		if Secret(n) || secretParameter(n) {
			t.Errorf("%s is not told: everywhere %t, in a query %t", n, Secret(n), secretParameter(n))
		}
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
		"dial postgres://app:s3cr3t@db:5432/shop: refused",
		"dial postgres://app:p@s3cr3t@db/shop: refused",
		"dial postgres://app:p/s3cr3t@db/shop: refused",
		"open app:s3cr3t@tcp(db:3306)/shop",
		"Server=db;User Id=app;Password=s3cr3t;Encrypt=true",
		"host=db password='s3cr3t word' user=app",
		`{"user":"bob","accessToken":"s3cr3t","n":1}`,
		`map["client_secret": s3cr3t]`,
		"X-Api-Key: s3cr3t and more",
		"api_key: s3cr3t",
		"Cookie: a=s3cr3t; b=s3cr3t",
		"jwt of eyJhbGciOiJIUzI1NiJ9.s3cr3t.s3cr3t-x",
		"AccountName=x;AccountKey=s3cr3t==;EndpointSuffix=y",
		"redis://:s3cr3t@cache:6379/0",
		"amqp://a:s3cr3t@mq and https://b:s3cr3t@h/",
		strings.Repeat("x ", 4<<10) + "password=s3cr3t",
	} {
		if got := Text(in); strings.Contains(got, "s3cr3t") {
			t.Errorf("Text(%q) = %q", in, got)
		}
	}
	for _, in := range []string{
		"trap: unreachable: at main.go:3", "unexpected token: }", `Get "http://h:8080/x?mail=a@b": refused`, "dial tcp [::1]:80: refused",
		"status_code=500", `{"tokens_used":12}`, "content-type: text/plain", "at 12:30@noon",
	} {
		if got := Text(in); got != in {
			t.Errorf("Text(%q) = %q", in, got)
		}
	}
	if got := Text(strings.Repeat("a=b@c:d/ ", 1<<18)); len(got) > maxText {
		t.Errorf("%d bytes are kept", len(got))
	}
}
