package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestHost: `host` begins with no workload; what is put to its admin endpoint answers at an address of its own, also where another one has the same routes, changes
// without moving, stays as it is where a document has a mistake, and goes.
func TestHost(t *testing.T) {
	if code, _, said := run(t, "", "host", "--admin", "0"); code != 2 || !strings.Contains(said, "unix:PATH") {
		t.Errorf("an address that everybody on the machine reaches: %d %s", code, said)
	}
	socket := filepath.Join(t.TempDir(), "admin.sock")
	s := serving(t, "host", nil, "--admin", "unix:"+socket, "--files", t.TempDir(), "--state-dir", t.TempDir())
	s.waitForConsole("admin on unix:")
	o := operator{t, "localhost", &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}}
	document := func(namespace, environment string) string {
		return fmt.Sprintf(`{"apiVersion":"vitrine.dev/v1alpha1","kind":"Workload","metadata":{"name":"shop","namespace":%q},"spec":{"components":[{"name":"web","source":{"file":%q},"environment":{"WHO":%q}}],"triggers":[{"http":{"path":"/","component":"web"}}]}}`,
			namespace, testref.File(t, "rust-http-full-p2"), environment)
	}
	put := func(id, document string, want int) string {
		t.Helper()
		code, said := o.ask("PUT", "/workloads/"+id, document)
		if code != want {
			t.Errorf("%s: %d %s, want %d", id, code, said, want)
		}
		return said
	}
	at := func(id string) string {
		t.Helper()
		_, text := o.ask("GET", "/workloads", "")
		var all struct {
			Workloads []struct {
				ID        string
				Endpoints []string
			}
		}
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatal(err)
		}
		for _, w := range all.Workloads {
			if w.ID == id && len(w.Endpoints) == 1 {
				return w.Endpoints[0]
			}
		}
		return ""
	}
	who := func(url string) string {
		t.Helper()
		resp, err := http.Get(url + "/env")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	put("a/shop", document("a", "first"), 200)
	put("b/shop", document("b", "second"), 200)
	a, b := at("a/shop"), at("b/shop")
	if a == "" || a == b || !strings.Contains(who(a), "first") || !strings.Contains(who(b), "second") {
		t.Fatalf("they answer at %q and %q", a, b)
	}
	put("a/shop", document("a", "third"), 200)
	if at("a/shop") != a || !strings.Contains(who(a), "third") {
		t.Errorf("after a change it is at %s", at("a/shop"))
	}
	if said := put("a/shop", strings.Replace(document("a", "fourth"), `"triggers"`, `"trigers"`, 1), 422); !strings.Contains(said, "trigers") {
		t.Error(said)
	}
	put("a/shop", document("b", "fifth"), 422) // the name of another one
	put("a/No_Name", document("a", "sixth"), 422)
	if !strings.Contains(who(a), "third") || !strings.Contains(who(b), "second") {
		t.Error("a mistake has changed what runs")
	}
	if code, said := o.ask("DELETE", "/workloads/b/shop", ""); code != 200 || at("b/shop") != "" {
		t.Errorf("%d %s, and it is at %q", code, said, at("b/shop"))
	}
	if !strings.Contains(who(a), "third") {
		t.Error("the other one has gone, too")
	}
}
