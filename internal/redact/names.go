package redact

import (
	"net/url"
	"strings"
	"unicode"
)

// A name is split into words, however it is written (accessToken, ACCESS_TOKEN, access-token, user[access.token]), and matched by
// words and by all words joined (accesstoken). So each entry needs one spelling, and "sidebar" does not match "sid".

// secretSuffixes mark names that end with them, also as a part of one word: idtoken, dbpassword, XApiKey. They include the list of
// the semantic conventions (http-spans.md, url.query).
var secretSuffixes = []string{
	"token", "secret", "password", "passwords", "passwd", "passcode", "passphrase", "pwd", "credential", "credentials", "secrets",
	"apikey", "accesskey", "accesskeyid", "privatekey", "secretkey", "signingkey", "encryptionkey", "subscriptionkey",
	"accountkey", "sharedkey", "masterkey", "sessionkey", "authkey", "licensekey", "consumerkey", "functionskey",
	"signature", "authorization", "sessionid", "sessid", "authcode", "authorizationcode", "securitycode", "verificationcode",
	"pincode", "verifier", "assertion", "connectionstring", "connstring", "connstr", "authticket", "serviceticket",
	"cookie", "cookies", "csrf", "xsrf",
}

// secretWords mark names that have them as a word: password_hash, secret_id.
var secretWords = wordSet("password passwd pwd passcode passphrase secret credential credentials jwt apikey privatekey")

// secretLastWords mark names that have them as the last word: db_dsn, x-auth.
var secretLastWords = wordSet("auth authn bearer dsn jwt totp hmac")

// secretPrefixes are protocols whose parameters are mostly secrets: oauth_verifier, SAMLResponse.
var secretPrefixes = []string{"oauth", "saml"}

// queryNames are names, and queryLastWords last words, whose values are secrets in a query only. Elsewhere they are common words.
var queryNames, queryLastWords = wordSet("key code pass session ticket sid sig pin otp wresult"), wordSet("pass sig pin otp sid mfa")

// descriptionWords end names of values that describe a secret and are none: token_type, password_file, cookie_name.
var descriptionWords = wordSet(`type types count counts used length len size limit limits expires expiry expiration expired ttl age name
	url uri endpoint policy enabled required format version path file algorithm alg method status hint issuer scope scopes at in
	timestamp callback provider bucket budget error errors valid present changed updated created duration timeout`)

func wordSet(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// maxName bounds the part of a name that is matched, in bytes, from its end.
const maxName = 256

// splitName splits a name into words in lower case. Digits separate words.
func splitName(name string) (parts []string, joined string) {
	if len(name) > maxName {
		name = name[len(name)-maxName:]
	}
	if strings.ContainsAny(name, "%+") {
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
	}
	rs := []rune(name)
	var all, word strings.Builder
	end := func() {
		if word.Len() > 0 {
			parts = append(parts, word.String())
			word.Reset()
		}
	}
	for i, r := range rs {
		if !unicode.IsLetter(r) {
			end()
			continue
		}
		// A word begins with a capital after a small letter, or with the last of several capitals: id|Token, ID|Token.
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsUpper(rs[i-1]) && unicode.IsLower(rs[i+1])) {
			end()
		}
		word.WriteRune(unicode.ToLower(r))
		all.WriteRune(unicode.ToLower(r))
	}
	end()
	return parts, all.String()
}

// Secret says whether the value of an attribute or field called name is a secret.
func Secret(name string) bool {
	parts, joined := splitName(name)
	return secret(parts, joined)
}

func secret(parts []string, joined string) bool {
	n := len(parts)
	if n == 0 || n > 1 && descriptionWords[parts[n-1]] {
		return false
	}
	for _, s := range secretSuffixes {
		if strings.HasSuffix(joined, s) {
			return true
		}
	}
	for _, s := range secretPrefixes {
		if strings.HasPrefix(joined, s) && len(joined) > len(s) {
			return true
		}
	}
	for _, w := range parts {
		if secretWords[w] {
			return true
		}
	}
	return secretLastWords[parts[n-1]] || n > 1 && parts[n-1] == "id" && (parts[n-2] == "token" || parts[n-2] == "session")
}

// secretParameter says whether the value of a query's parameter called name is a secret.
func secretParameter(name string) bool {
	parts, joined := splitName(name)
	n := len(parts)
	return secret(parts, joined) || n > 0 && (queryNames[joined] || queryLastWords[parts[n-1]])
}
