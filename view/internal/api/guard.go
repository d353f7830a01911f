package api

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// cookieName is the cookie that a link with the token leaves.
const cookieName = "vitrine-view"

// NewToken makes a token for [Config]: 128 random bits.
func NewToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// IsLoopback says whether an address to listen on, HOST:PORT, can be reached from this machine only.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	return isLoopbackHost(host)
}

func isLoopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

// hostOf is the host in a Host header, without its port and in lower case.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = header
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// guard checks each request before the handler behind it.
type guard struct {
	token string // empty: requests to a loopback name need none
	next  http.Handler
}

// Guard checks who asks before next does: see [Config.Token].
func Guard(token string, next http.Handler) http.Handler { return &guard{token, next} }

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP refuses what no page of the viewer's own and no command would send.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// A name that an attacker's server resolves to this machine is no loopback name (DNS rebinding). With a token the name may be any:
	// the cookie belongs to the name that it was set under, so that it is not sent to another.
	if g.token == "" && !isLoopbackHost(hostOf(r.Host)) {
		fail(w, http.StatusForbidden, "the viewer answers requests to localhost only: start it with the address that you use, such as --view=0.0.0.0:4319, and open the link that it prints")
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r.Host) || r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		fail(w, http.StatusForbidden, "requests of other sites are refused")
		return
	}
	if g.token != "" && !g.admit(w, r) {
		return
	}
	g.next.ServeHTTP(w, r)
}

// sameOrigin says whether an Origin header names the host that the request is for.
func sameOrigin(origin, host string) bool {
	_, rest, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(rest, host)
}

// admit checks the token: in the link that was printed, which leaves a cookie, in that cookie, or as a bearer token.
func (g *guard) admit(w http.ResponseWriter, r *http.Request) bool {
	if t := r.URL.Query().Get("token"); t != "" && r.Method == http.MethodGet && g.is(t) {
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: t, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
		q := r.URL.Query()
		q.Del("token")
		to := *r.URL
		to.RawQuery = q.Encode()
		http.Redirect(w, r, "/"+strings.TrimLeft(to.RequestURI(), "/"), http.StatusSeeOther) // so that the token is in no history
		return false
	}
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && g.is(t) {
		return true
	}
	if c, err := r.Cookie(cookieName); err == nil && g.is(c.Value) {
		return true
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	fail(w, http.StatusUnauthorized, "open the link that vitrine printed when it started: it has the token")
	return false
}

func (g *guard) is(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(g.token)) == 1
}
