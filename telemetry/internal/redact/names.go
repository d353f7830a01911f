package redact

import (
	"net/url"
	"strings"
	"unicode"
)

// A name is taken apart into words, whatever way it is written (accessToken, ACCESS_TOKEN, access-token, user[access.token]),
// and is looked at as those and as all of them in one (accesstoken). So nothing here is spelled twice, and "sidebar" is not
// taken for "sid".

// stems make a name that ends with them a secret's, also where it is written as one word: idtoken, dbpassword, XApiKey. The
// list of the semantic conventions (http-spans.md, url.query) is among them.
var stems = []string{
	"token", "secret", "password", "passwords", "passwd", "passcode", "passphrase", "pwd", "credential", "credentials", "secrets",
	"apikey", "accesskey", "accesskeyid", "privatekey", "secretkey", "signingkey", "encryptionkey", "subscriptionkey",
	"accountkey", "sharedkey", "masterkey", "sessionkey", "authkey", "licensekey", "consumerkey", "functionskey",
	"signature", "authorization", "sessionid", "sessid", "authcode", "authorizationcode", "securitycode", "verificationcode",
	"pincode", "verifier", "assertion", "connectionstring", "connstring", "connstr", "authticket", "serviceticket",
	"cookie", "cookies", "csrf", "xsrf",
}

// inside make a name a secret's wherever they stand in it as words: password_hash, secret_id.
var inside = words("password passwd pwd passcode passphrase secret credential credentials jwt apikey privatekey")

// last make a name a secret's that ends with them as a word: db_dsn, x-auth.
var last = words("auth authn bearer dsn jwt totp hmac")

// starts begin the names of protocols whose parameters are secrets as a rule: oauth_verifier, SAMLResponse.
var starts = []string{"oauth", "saml"}

// plain are names, or their last words, whose values are secrets in a query. Elsewhere they are common words.
var plain, plainLast = words("key code pass session ticket sid sig pin otp wresult"), words("pass sig pin otp sid mfa")

// about end names that tell something of a secret and do not hold it: token_type, password_file, cookie_name.
var about = words(`type types count counts used length len size limit limits expires expiry expiration expired ttl age name
	url uri endpoint policy enabled required format version path file algorithm alg method status hint issuer scope scopes at in
	timestamp callback provider bucket budget error errors valid present changed updated created duration timeout`)

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// maxName bounds how much of a name is looked at, in bytes. What is longer is nobody's name for anything.
const maxName = 256

// split takes a name apart, in lower case. Digits part words and belong to none.
func split(name string) (parts []string, joined string) {
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
		// A word begins with a capital behind a small letter, or with the last of several capitals: id|Token, ID|Token.
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsUpper(rs[i-1]) && unicode.IsLower(rs[i+1])) {
			end()
		}
		word.WriteRune(unicode.ToLower(r))
		all.WriteRune(unicode.ToLower(r))
	}
	end()
	return parts, all.String()
}

// Secret says whether a fact called name is not to be told, wherever it stands.
func Secret(name string) bool {
	parts, joined := split(name)
	return secret(parts, joined)
}

func secret(parts []string, joined string) bool {
	n := len(parts)
	if n == 0 || n > 1 && about[parts[n-1]] {
		return false
	}
	for _, s := range stems {
		if strings.HasSuffix(joined, s) {
			return true
		}
	}
	for _, s := range starts {
		if strings.HasPrefix(joined, s) && len(joined) > len(s) {
			return true
		}
	}
	for _, w := range parts {
		if inside[w] {
			return true
		}
	}
	return last[parts[n-1]] || n > 1 && parts[n-1] == "id" && (parts[n-2] == "token" || parts[n-2] == "session")
}

// inQuery says whether a parameter of a query called name is not to be told.
func inQuery(name string) bool {
	parts, joined := split(name)
	n := len(parts)
	return secret(parts, joined) || n > 0 && (plain[joined] || plainLast[parts[n-1]])
}
