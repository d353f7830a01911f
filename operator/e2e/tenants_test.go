package e2e

import (
	"strings"
	"testing"
)

// TestTenants: in a namespace with the label the API server refuses grants that the policy forbids, and there alone.
func TestTenants(t *testing.T) {
	c := start(t)
	c.namespace(t, "free")
	c.namespace(t, "tenant")
	if out, err := c.kubectl("", "label", "namespace", "tenant", "vitrine.dev/tenant=restricted"); err != nil {
		t.Fatal(err, out)
	}
	if out, err := c.kubectl("", "apply", "-k", "../config/tenants"); err != nil {
		t.Fatal(err, out)
	}
	apply := func(namespace, keys string) (string, error) {
		return c.dryRun(namespace, component(keys))
	}
	const signed = "verify: {key: cosign.pub}"
	if err := eventually(limit, "the policy is not in force", func() error {
		if out, err := apply("tenant", "links: {}"); err == nil {
			return errString(out)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]struct{ keys, want string }{
		"unsigned":           {"links: {}", "verify.key"},
		"files":              {signed + ", grants: {files: [{host: /, guest: /}]}", "grants.files"},
		"everywhere":         {signed + `, grants: {http: ["*"]}`, "wildcards"},
		"a wildcard":         {signed + `, grants: {http: ["https://*.example.com"]}`, "wildcards"},
		"loopback":           {signed + `, grants: {http: ["http://127.0.0.1:80"]}`, "loopback"},
		"loopback's name":    {signed + `, grants: {http: ["http://LOCALHOST"]}`, "loopback"},
		"loopback of 6":      {signed + `, grants: {http: ["http://[::1]:1"]}`, "loopback"},
		"loopback, whole":    {signed + `, grants: {http: ["h2c://[0:0:0:0:0:0:0:1]"]}`, "loopback"},
		"loopback, mapped":   {signed + `, grants: {http: ["http://[::FFFF:7f00:1]:80"]}`, "loopback"},
		"loopback, slash":    {signed + `, grants: {http: ["http://localhost/"]}`, "loopback"},
		"loopback's names":   {signed + `, grants: {http: ["http://a.localhost:80"]}`, "loopback"},
		"loopback, short":    {signed + `, grants: {http: ["http://127.1"]}`, "loopback"},
		"no address":         {signed + `, grants: {http: ["http://0.0.0.0:3001"]}`, "loopback"},
		"no address of 6":    {signed + `, grants: {sockets: {connect: ["[::]:3001"]}}`, "loopback"},
		"a machine's own":    {signed + `, grants: {http: ["http://169.254.169.254"]}`, "link-local"},
		"sockets of 6":       {signed + `, grants: {sockets: {connect: ["[0::1]:5432"]}}`, "grants.sockets.connect"},
		"no key":             {"verify: {key: null}", "verify.key"},
		"no verify":          {"verify: null", "verify.key"},
		"sockets anywhere":   {signed + `, grants: {sockets: {connect: ["*:5432"]}}`, "grants.sockets.connect"},
		"sockets of the pod": {signed + `, grants: {sockets: {connect: ["127.0.0.1:5432"]}}`, "grants.sockets.connect"},
		"a port":             {signed + `, grants: {sockets: {listen: ["*:5432"]}}`, "grants.sockets.listen"},
	} {
		if out, err := apply("tenant", b.keys); err == nil || !strings.Contains(out, b.want) {
			t.Errorf("%s: %v, want %q in\n%s", name, err, b.want, out)
		}
		if out, err := apply("free", b.keys); err != nil {
			t.Errorf("%s, without the label: %v\n%s", name, err, out)
		}
	}
	for _, allowed := range []string{
		`grants: {http: ["https://api.example.com", "http://shop", "http://[2001:db8::1]:80", "http://10.0.0.1/"], sockets: {connect: ["10.0.0.1:5432", "db.example.com:5432", "[2001:db8::1]:1"]}}`,
		"grants: null", "grants: {http: null, sockets: null}", "grants: {http: [], sockets: {connect: null, listen: []}}",
	} {
		if out, err := apply("tenant", signed+", "+allowed); err != nil {
			t.Errorf("what is allowed, %s: %v\n%s", allowed, err, out)
		}
	}
}

// errString is a text as an error.
type errString string

func (e errString) Error() string { return string(e) }
